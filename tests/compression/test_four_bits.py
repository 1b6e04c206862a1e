# SPDX-License-Identifier: Apache-2.0
"""Weights of four bits, imitated: 15 steps a channel, which the converter finds again."""

from typing import Any

import numpy as np
import pytest

from edgecnn.compiler import int4
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compression.four_bits import candidates, imitate_four_bits, sensitivities
from edgecnn.compression.qat import imitated
from edgecnn.converters.int4_weights import OPS
from edgecnn.converters.keras_to_tflite import keras_to_int4
from edgecnn.tf import keras, make_repeatable

L = keras.layers
IMAGES = np.random.default_rng(0).integers(0, 256, (32, 10, 10, 1)).astype(np.uint8)


@pytest.fixture(scope="module")
def quantized() -> Any:
    """A network of all kinds of layers with weights, and with batch normalization."""
    make_repeatable(0)
    image = L.Input((10, 10, 1))
    x = L.ReLU()(L.BatchNormalization()(L.Conv2D(6, 3, use_bias=False, name="first")(image)))
    x = L.DepthwiseConv2D(3, name="each")(x)
    x = L.Conv2DTranspose(3, 2, 2, name="up")(x)
    x = L.Dense(5, activation="relu", name="dense")(L.Flatten()(x))
    model = keras.Model(image, L.Dense(3, activation="softmax", name="answers")(x))
    return imitated(model)[0]


def test_layers_that_tflite_has_over_four_bits_are_candidates(quantized: Any) -> None:
    sizes = {layer.name: layer.size for layer in candidates(quantized)}
    assert sizes == {"first": 54, "each": 54, "dense": 12 * 12 * 3 * 5, "answers": 15}


def test_a_layer_alone_moves_the_answers_and_is_put_back(quantized: Any) -> None:
    layers = candidates(quantized)
    before = [layer.wrapper._weight_vars for layer in layers]
    moved = sensitivities(quantized, layers, IMAGES)
    assert set(moved) == {layer.name for layer in layers}
    assert min(moved.values()) > 0
    assert [layer.wrapper._weight_vars for layer in layers] == before


def test_the_file_has_the_weights_that_training_had(quantized: Any) -> None:
    layers = candidates(quantized)
    imitate_four_bits([layer for layer in layers if layer.name != "answers"])
    graph = parse(keras_to_int4(quantized, IMAGES))
    weights = [graph.input(operator, 1) for operator in graph.operators if operator.op in OPS]
    assert [tensor.dtype for tensor in weights] == ["int4", "int4", "int4", "int8"]
    [dense] = [tensor for tensor in weights if tensor.shape[0] == 5]
    assert dense.data is not None
    assert dense.quantization is not None
    values = int4.unpacked(dense.data)[: dense.size].reshape(dense.shape)
    assert np.abs(values).max() == 7
    [layer] = [layer for layer in layers if layer.name == "dense"]
    [(kernel, quantizer, _)] = layer.wrapper._weight_vars
    wanted = quantizer(kernel, training=False, weights=None).numpy().T
    scales = np.array(dense.quantization.scales)[:, None]
    np.testing.assert_allclose(values * scales, wanted, rtol=1e-4, atol=1e-7)
