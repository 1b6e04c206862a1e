# SPDX-License-Identifier: Apache-2.0
"""Every network that `edgecnn train` offers, exported with random weights: its C computes TFLite's bytes."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import check

from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.reading.tflite import parse
from edgecnn.pipeline.verify import verify

# A small input that each takes, and the width; InceptionV3's layers have the channels they have.
SYSTEMS = {
    "cainvas": (64, 1.0),
    "cbam": (64, 0.25),
    "ds-cnn": (20, 0.5),
    "inception-transfer": (75, 0.1),
    "melanoma-v1": (191, 0.1),
    "melanoma-v2": (200, 0.05),
    "melanoma-v3": (280, 0.05),
    "mobilenet-v1": (32, 0.25),
    "mobilenet-v2": (32, 0.25),
    "resnet8": (16, 0.5),
    "unet": (32, 0.25),
}


def export(name: str, side: int, width: float, path: Path) -> None:
    """Write an int8 .tflite with random weights, calibrated on random images."""
    from edgecnn.converters.keras_to_tflite import keras_to_int8
    from edgecnn.models import architecture

    found, rng = architecture(name), np.random.default_rng(0)
    shape = (side, side, found.input_shape[2])
    model = found.build(shape, found.classes, width)
    _randomize(model, rng)
    path.write_bytes(keras_to_int8(model, rng.integers(0, 256, (4, *shape), np.uint8)))


def _randomize(model: Any, rng: np.random.Generator) -> None:
    """Give kernels weights such that activations keep their size; what else there is, near 1."""
    model.set_weights(
        [
            rng.normal(0, np.sqrt(2 / np.prod(one.shape[:-1])), one.shape)
            if one.ndim > 1
            else rng.uniform(0.5, 1.5, one.shape)
            for one in model.get_weights()
        ]
    )


def test_all_are_here() -> None:
    from edgecnn.models import architectures

    assert set(SYSTEMS) == set(architectures())


@pytest.mark.slow(seconds=40)
@pytest.mark.skipif(find_spec("tensorflow") is None, reason="needs TensorFlow: edgecnn[train]")
@pytest.mark.parametrize("name", SYSTEMS)
def test_compiled_and_verified(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    export(name, *SYSTEMS[name], path)
    plan = check([path.read_bytes()], 2)[0].plan
    assert plan["arena_bytes"] <= plan["arena_bytes_whole"]


def export_int16(name: str, path: Path, other: Path) -> None:
    """Write a network as TensorFlow converts it to int16 activations, with edges of int16 and of floats."""
    from edgecnn.models import architecture
    from edgecnn.tf import tf

    side, rng = 32, np.random.default_rng(0)
    if name == "cainvas":
        model = architecture(name).build((side, side, 1), 3, 0.25)
    elif name == "residual":
        model = _residual(tf.keras, side)
    else:
        model = tf.keras.applications.MobileNet((side, side, 3), alpha=0.25, weights=None, classes=3)
    _randomize(model, rng)
    shape = (1, *model.input_shape[1:])
    function = tf.function(lambda image: model(image, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec(shape, tf.float32))
    images = rng.random((8, *shape), np.float32)
    holder = tf.Module()
    holder.held = list(model.variables)  # of the model itself, the functions of all layers would be saved
    for file, edge in ((path, tf.int16), (other, tf.float32)):
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        mode = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [mode]
        converter.representative_dataset = lambda: ([image] for image in images)
        converter.inference_input_type = converter.inference_output_type = edge
        file.write_bytes(converter.convert())


def _residual(keras: Any, side: int) -> Any:
    """Return a ResNet of two blocks, the second with strides."""
    layers = keras.layers
    image = keras.Input((side, side, 3))
    at = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    for channels, stride in ((8, 1), (16, 2)):
        long = layers.Conv2D(channels, 3, stride, padding="same", activation="relu")(at)
        long = layers.BatchNormalization()(layers.Conv2D(channels, 3, padding="same")(long))
        short = layers.Conv2D(channels, 1, stride)(at) if stride > 1 else at
        at = layers.ReLU()(layers.Add()([short, long]))
    pooled = layers.Flatten()(layers.AveragePooling2D(side // 2)(at))
    return keras.Model(image, layers.Dense(4, activation="softmax")(pooled))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("tensorflow") is None, reason="needs TensorFlow: edgecnn[train]")
@pytest.mark.parametrize("name", ["cainvas", "residual", "MobileNet"])
def test_int16_activations_as_tensorflow_converts_them(name: str, tmp_path: Path) -> None:
    path, other = tmp_path / "int16.tflite", tmp_path / "float.tflite"
    export_int16(name, path, other)
    check([path.read_bytes()], 2)
    # The same network, but for what converts its edges.
    inner = integer_edges(parse(other.read_bytes()))
    assert [op.op for op in inner.operators] == [op.op for op in parse(path.read_bytes()).operators]
    assert verify(other, "c99", 2).bytes_different == 0
