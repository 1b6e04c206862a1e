# SPDX-License-Identifier: Apache-2.0
"""What a configuration may name, and the ways to name what it may not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_models import saved, with_config

from edgecnn.errors import ModelError
from edgecnn.gate.config import require_known_classes
from edgecnn.models import architecture, load_model
from edgecnn.tf import keras

Config = dict[str, Any]


def _model(*layers: Any) -> Config:
    return {"class_name": "Sequential", "config": {"name": "net", "layers": list(layers)}}


def _dense(**config: Any) -> Config:
    return {
        "class_name": "Dense",
        "module": "keras.layers",
        "config": {"name": "dense", "units": 2, **config},
    }


def _function(name: str, module: str | None = "builtins", registered: str | None = "function") -> Config:
    return {"class_name": "function", "config": name, "module": module, "registered_name": registered}


def _object(name: Any, module: str | None = None, **more: Any) -> Config:
    return {"class_name": name, "config": {"name": "hook"}, "module": module, **more}


def _call(function: Any) -> Config:
    return {"class_name": "TFOpLambda", "config": {"name": "hook", "function": function}}


@pytest.mark.parametrize(
    "layer",
    [
        _dense(activation="relu", kernel_initializer="he_normal", bias_regularizer="l2"),
        _dense(activation=_function("gelu")),
        _dense(activation=_function("swish", "keras.activations", "swish")),
        _dense(kernel_initializer=_object("HeNormal", "keras.initializers", registered_name=None)),
        _dense(dtype=_object("DTypePolicy", "keras", registered_name=None)),
        _object("Add", "keras.src.ops.numpy", registered_name="Add"),
        _object(
            "CustomScaleLayer",
            "tf_keras.src.applications.inception_resnet_v2",
            registered_name="Custom>CustomScaleLayer",
        ),
        _object("Custom>CustomScaleLayer"),
        _object("ChannelMax", "edgecnn.models._layers", registered_name="edgecnn>ChannelMax"),
        _object("edgecnn>ChannelMax"),
        _call("compat.v1.transpose"),
        _call("__operators__.add"),
        _dense(batch_input_shape={"class_name": "__tuple__", "items": [None, 8, 8, 1]}),
    ],
)
def test_what_computes_passes(layer: Config) -> None:
    require_known_classes(_model(layer), "m.keras")


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (_object("Lambda"), "Lambda"),
        (_object("lambda"), "lambda"),
        (_object("L\u0430mbda"), "L\u0430mbda"),  # a Cyrillic letter
        (_object("Dense "), "Dense "),
        (_object("TFSMLayer", "keras.layers"), "TFSMLayer"),
        (_object("JaxLayer", "keras.layers"), "JaxLayer"),
        (_object("TorchModuleWrapper", "keras.layers"), "TorchModuleWrapper"),
        (_object("StringLookup", "keras.layers"), "StringLookup"),
        (_object("TextVectorization", "keras.layers"), "TextVectorization"),
        (_object("InstanceMethod"), "InstanceMethod"),
        (_object("ClassMethod"), "ClassMethod"),
        (_object("TensorFlowOpLayer"), "TensorFlowOpLayer"),
        (_object("TypeSpec", type_spec="x"), "TypeSpec"),
        (_object("CompositeTensor"), "CompositeTensor"),
        (_object("__typespec__", "os", spec_name="system"), "__typespec__"),
        (_object("__lambda__"), "__lambda__"),
        (_object("Code", "strangers"), "Code"),
        (_object("Dense", "strangers"), r"strangers\.Dense"),
        (_object("Dense", "keras.utils"), r"keras\.utils\.Dense"),
        (_object("Dense", "keras.layers.evil"), r"keras\.layers\.evil\.Dense"),
        (_object("Dense", "keras.layers", registered_name="x>Code"), "x>Code"),
        (_object("Dense", ["keras.layers"]), "Dense"),
        (_object(["Lambda"]), r"\['Lambda'\]"),
        (_object(None), "None"),
        (_object("x>Code"), "x>Code"),
        (_object("Custom>Code"), "Custom>Code"),
        (_object("edgecnn>Code"), "edgecnn>Code"),
        (_object("Lambda", "edgecnn.models._layers", registered_name="edgecnn>ChannelMax"), "edgecnn>"),
        (_object("ChannelMax", "strangers", registered_name="edgecnn>ChannelMax"), "edgecnn>ChannelMax"),
        (_dense(activation="get_file"), "get_file"),
        (_dense(activation="x>act"), "x>act"),
        (_dense(kernel_initializer="serialize"), "serialize"),
        (_dense(kernel_regularizer="sys"), "sys"),
        (_dense(kernel_constraint="tf"), "tf"),
        (_dense(recurrent_activation=["relu", "exec"]), "exec"),
        (_dense(activation=_function("system", "os")), r"os\.system"),
        (_dense(activation=_function("relu", "os")), r"os\.relu"),
        (_dense(activation=_function("relu", "keras.utils", "get_file")), r"keras\.utils\.relu"),
        (_dense(activation=_function("relu", "keras.activations", "get_file")), r"keras\.activations\.relu"),
        (_dense(activation=_function("get_file")), r"builtins\.get_file"),
        (_dense(build_config={"deep": [[{"in": _object("Lambda")}]]}), "Lambda"),
        (_dense(compile_config={"loss": _function("system", "os")}), r"os\.system"),
        (_dense(quantization_config=_object("GPTQConfig", "keras.quantizers")), "GPTQConfig"),
        ("Lambda", "Lambda"),
        (_call("io.write_file"), r"tf\.io\.write_file"),
        (_call("compat.v1.py_func"), r"tf\.compat\.v1\.py_func"),
        (_call("compat.v1.compat.v1.transpose"), r"tf\.compat"),
        (_call("keras.utils.get_file"), r"tf\.keras\.utils\.get_file"),
        (_call(["math.add"]), r"tf\."),
        ({**_call("math.add"), "config": None}, r"tf\.None"),
        ({**_call("numpy_function"), "class_name": "SlicingOpLambda"}, r"tf\.numpy_function"),
    ],
)  # fmt: skip
def test_what_may_do_more_is_named(layer: Any, named: str) -> None:
    with pytest.raises(
        ModelError, match=f'^m.keras: .* names "{named}.*", which may run code or reach files; '
    ):
        require_known_classes(_model(_dense(), layer), "m.keras")


def test_a_name_of_a_stranger_stays_on_its_line() -> None:
    with pytest.raises(ModelError) as refusal:
        require_known_classes(_model(_object("x\n\x1b[2J" * 100)), "m.keras")
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 600


def test_how_the_outermost_model_was_compiled_is_not_read() -> None:
    """People have losses of their own, and no loader of ours asks for them."""
    require_known_classes(
        {**_model(_dense()), "compile_config": {"loss": _function("mine", "mine")}}, "m.keras"
    )


def test_functions_that_the_person_registered_are_known() -> None:
    own = {"own>act"}
    require_known_classes(_model(_dense(activation=_function("own>act"))), "m.keras", own)
    require_known_classes(_model(_dense(activation="own>act")), "m.keras", own)
    with pytest.raises(ModelError, match='names "own>act"'):
        require_known_classes(_model(_dense(activation="own>act")), "m.keras")


OWN = """
from edgecnn.tf import keras

@keras.utils.register_keras_serializable("own")
class Twice(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs

@keras.utils.register_keras_serializable("own")
class Attention(Twice):
    pass  # Keras has one of that name, too

@keras.utils.register_keras_serializable("own")
class Lambda(keras.layers.Layer):
    pass

def net(input_shape, classes):
    image = keras.Input(input_shape)
    features = keras.layers.Dense(3)(keras.layers.Flatten()(image))
    features = Attention()(Twice(name="twice")(features))
    return keras.Model(image, keras.layers.Dense(classes)(features))
"""


@pytest.fixture
def registry() -> Iterator[dict[str, Any]]:
    """What Keras knows besides its own, as it is before a test and after it."""
    known = keras.saving.get_custom_objects()
    before = dict(known)
    yield known
    known.clear()
    known.update(before)


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_layers_of_code_that_the_person_named_are_known(suffix: str, registry: Any, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    before = dict(registry)
    model = architecture(f"{tmp_path}/own.py:net").build((4, 4, 1), 2, 1)
    path = saved(model, tmp_path / f"model.{suffix}")
    assert load_model(path).count_params() == model.count_params()

    def change(config: Config) -> None:
        (twice,) = (layer for layer in config["config"]["layers"] if layer["config"]["name"] == "twice")
        twice.update(class_name="Lambda", registered_name="own>Lambda")

    with pytest.raises(ModelError, match='"twice" names "own>Lambda"'):
        load_model(with_config(saved(model, tmp_path / f"shadow.{suffix}"), change))
    registry.clear()
    registry.update(before)
    with pytest.raises(
        ModelError, match=r'"twice" names "own>Twice", which .* FILE\.py:FUNCTION \(--model of train and'
    ):
        load_model(path)
