# SPDX-License-Identifier: Apache-2.0
"""SavedModels: which are let through, and tricks to have an op run that isn't looked at."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_models import SHAPE

from edgecnn.converters.keras_file import load_float_model
from edgecnn.errors import ModelError
from edgecnn.gate.graph import require_known_ops
from edgecnn.tf import SavedModel, quiet, tf
from edgecnn.tf import keras as keras2

# isort: split
import keras as keras3


def _network(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            *(
                layers.Rescaling(1 / 255),
                layers.RandomFlip(),
                layers.RandomRotation(0.1),
                layers.RandomZoom(0.1),
            ),
            *(layers.RandomContrast(0.1), layers.RandomTranslation(0.1, 0.1), layers.RandomCrop(24, 24)),
            *(layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(6)),
            *(layers.DepthwiseConv2D(3), layers.UpSampling2D(interpolation="bilinear"), layers.Dropout(0.2)),
            *(layers.LayerNormalization(), layers.Activation("gelu"), layers.Conv2DTranspose(2, 3)),
            *(layers.GlobalAveragePooling2D(), layers.Dense(2, activation="softmax")),
        ]
    )


def _save(kind: str, path: Path) -> Any:
    model = _network(keras3 if kind == "keras3" else keras2)
    with quiet():
        if kind == "keras3":
            model.export(path, format="tf_saved_model", verbose=False)
        else:
            model.compile("adam", "sparse_categorical_crossentropy")
            model.save(path, save_format="tf")
    return model


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["keras2", "keras3"])
def test_an_honest_graph_comes_through(kind: str, tmp_path: Path) -> None:
    """Functions that save and restore are in it, too: nothing leads to them."""
    model = _save(kind, tmp_path / "graph")
    content = (tmp_path / "graph" / "saved_model.pb").read_bytes()
    assert b"SaveV2" in content
    assert b"RandomUniform" in content
    (tmp_path / "graph" / "saved_model.cpb").write_bytes(b"what TensorFlow would load first")
    # Keras 3 exports what changes images at random as in training; one colour stays what it is.
    image = np.full((1, 32, 32, 3), 0.4, np.float32) * np.float32([1, 0.5, 2])
    loaded = load_float_model(tmp_path / "graph")
    np.testing.assert_allclose(np.array(loaded(image)), np.array(model(255 * image)), rtol=1e-3)


def _graph_of(functions: dict[str, Any], roots: tuple[str, ...]) -> bytes:
    """A SavedModel whose objects name the functions `roots`; each function has one node."""
    model = SavedModel()
    graph = model.meta_graphs.add()
    graph.object_graph_def.nodes.add().function.concrete_functions.extend(roots)
    for name, fill in functions.items():
        function = graph.graph_def.library.function.add()
        function.signature.name = name
        fill(function.node_def.add(name="node"))
    return bytes(model.SerializeToString())


def _op(name: str) -> Any:
    return lambda node: setattr(node, "op", name)


def _calls(node: Any) -> None:
    node.op = "PartitionedCall"
    node.attr["f"].func.name = "hidden"


def _branches(node: Any) -> None:
    node.op = "Case"
    node.attr["branches"].list.func.add(name="hidden")


@pytest.mark.parametrize("call", [_calls, _branches, _op("hidden")])
def test_only_what_nothing_leads_to_may_save(call: Any, tmp_path: Path) -> None:
    functions = {"root": call, "hidden": _op("SaveV2")}
    if call not in (
        _calls,
        _branches,
    ):  # TensorFlow looks for a function of that name before it looks for an op
        functions = {"root": _op("Relu"), "Relu": _op("SaveV2")}
    name = [*functions][1]
    with pytest.raises(ModelError, match=f'function "{name}" names "SaveV2", which may run code'):
        require_known_ops(_graph_of(functions, ("root",)), tmp_path)
    require_known_ops(_graph_of(functions, ()), tmp_path)


def test_of_two_graphs_everything_is_run(tmp_path: Path) -> None:
    """TensorFlow loads them as it did before it knew objects."""
    model = SavedModel.FromString(_graph_of({"hidden": _op("SaveV2")}, ()))
    model.meta_graphs.add().CopyFrom(model.meta_graphs[0])
    with pytest.raises(ModelError, match='function "hidden" names "SaveV2"'):
        require_known_ops(model.SerializeToString(), tmp_path)
    model.meta_graphs[0].graph_def.Clear()
    with pytest.raises(ModelError, match='function "hidden" names "SaveV2"'):
        require_known_ops(model.SerializeToString(), tmp_path)


def test_no_op_that_writes_may_lie_about(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match='function "f" names "WriteFile", which may run code'):
        require_known_ops(_graph_of({"f": _op("WriteFile")}, ()), tmp_path)


def test_of_tensorflow_1_everything_is_run(tmp_path: Path) -> None:
    with quiet(), tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.set_random_seed(0)  # other tests make TensorFlow ask for one
        image = tf.compat.v1.placeholder(tf.float32, (None, *SHAPE))
        weights = tf.compat.v1.get_variable("w", (3, 3, 1, 2), use_resource=True)
        session.run(tf.compat.v1.global_variables_initializer())
        answer = tf.nn.conv2d(image, weights, 1, "SAME")
        tf.compat.v1.saved_model.simple_save(session, str(tmp_path / "v1"), {"x": image}, {"y": answer})
    with pytest.raises(ModelError, match="v1: its graph names"):
        load_float_model(tmp_path / "v1")


@pytest.mark.parametrize("content", [b"\xff\xff\xff", b"nonsense"])
def test_a_damaged_graph_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(ModelError, match=r"is no SavedModel: its saved_model\.pb is damaged"):
        load_float_model(tmp_path)


class _Endless(tf.Module):  # type: ignore[misc]
    def __init__(self, *, at_once: bool) -> None:
        super().__init__()
        if at_once:  # as resources are made when they are loaded
            self._initialize = tf.function(lambda: _counted(tf.constant(0.0)), input_signature=())

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1), tf.float32)])  # type: ignore[untyped-decorator]
    def serve(self, image: Any) -> Any:
        return tf.reduce_mean(image if hasattr(self, "_initialize") else _counted(image), axis=(1, 2))


def _counted(values: Any) -> Any:
    return tf.while_loop(lambda count, _: count < 1, lambda count, x: (count * 1, x + 1), (0, values))[1]


@pytest.mark.parametrize("at_once", [False, True])
def test_what_may_never_end_is_refused(tmp_path: Path, at_once: bool) -> None:
    model = _Endless(at_once=at_once)
    tf.saved_model.save(model, tmp_path / "endless", signatures={"serving_default": model.serve})
    with pytest.raises(ModelError, match=r'endless: ".*[wW]hile" is a loop \(StatelessWhile\), as LSTM, GRU'):
        load_float_model(tmp_path / "endless")
