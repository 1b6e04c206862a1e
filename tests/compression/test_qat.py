# SPDX-License-Identifier: Apache-2.0
"""Quantization-aware training keeps zeros in every kind of layer, and the bias of filters without weights."""

from pathlib import Path

import numpy as np

from edgecnn.compiler.reading.tflite import parse
from edgecnn.compression.qat import quantize_aware
from edgecnn.converters.keras_to_tflite import keras_to_int8
from edgecnn.data.arrays import Arrays
from edgecnn.progress import silent
from edgecnn.runtime.tflite import TfliteModel
from edgecnn.tf import keras, make_repeatable
from edgecnn.training.fit import FitOptions


def _masks(count: int) -> Arrays:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (count, 8, 8, 1)).astype(np.uint8)
    names = tuple(map(str, range(count)))
    masks = (images > 127).astype(np.uint8)
    return Arrays(images, np.zeros(count, np.int64), names, tuple(map(Path, names)), masks)


def _model() -> keras.Model:
    """Return a network for masks, pruned: half of the taps of each kernel, and one filter, are zero."""
    make_repeatable(0)
    layers = keras.layers
    image = keras.Input((8, 8, 1))
    small = layers.Conv2D(4, 2, 2, activation="relu", name="down")(image)
    features = layers.Conv2DTranspose(3, 2, 2, name="up")(small)
    features = layers.Concatenate()([image, features])
    model = keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(features))
    for layer in (model.get_layer("down"), model.get_layer("up")):
        kernel, bias = layer.get_weights()
        kernel.reshape(-1)[::2] = 0
        layer.set_weights([kernel, bias + 0.1])
    kernel, bias = model.get_layer("down").get_weights()
    kernel[..., 1] = 0
    model.get_layer("down").set_weights([kernel, bias])
    return model


def test_zeros_stay_and_int8_answers_as_the_trained_network(tmp_path: Path) -> None:
    model, arrays = _model(), _masks(16)
    options = FitOptions("qat", 2, 8, "adam", 1e-3, 0)
    quantized, history, left = quantize_aware(
        model, model, arrays, arrays, options, tmp_path / "c.npz", silent
    )
    assert left == []
    assert {"iou", "dice", "val_iou", "val_dice"} < set(history[0])
    for name in ("down", "up"):
        before = model.get_layer(name).get_weights()[0]
        kernel = next(w.numpy() for w in quantized.trainable_weights if w.name == f"{name}/kernel:0")
        np.testing.assert_array_equal(kernel == 0, before == 0)
    tflite = keras_to_int8(quantized, arrays.images)
    constants = [tensor.data for tensor in parse(tflite).tensors if tensor.dtype == "int32"]
    assert max(int(np.abs(one.astype(np.int64)).max()) for one in constants if one is not None) < 2**24
    expected = quantized.predict(arrays.images / np.float32(255), verbose=0)
    np.testing.assert_allclose(TfliteModel(tflite).predict(arrays.images), expected, atol=0.02)
