# SPDX-License-Identifier: Apache-2.0
"""Layers that the toolkit refuses are quantized by their output, or left and named."""

import numpy as np
import pytest

from edgecnn.compression.annotate import annotated, with_channelwise_norms
from edgecnn.errors import ModelError
from edgecnn.models import architecture
from edgecnn.tf import keras, tfmot


def test_attention_is_quantized_whole() -> None:
    model, left = annotated(architecture("cbam").build((32, 32, 3), 2, 0.125))
    assert left == []
    quantized = tfmot.quantization.keras.quantize_apply(model)
    names = {variable.name for variable in quantized.weights}
    for layer in ("excited", "channel_attended", "place_attended", "place"):
        assert f"quant_{layer}/output_min:0" in names, layer
    assert "quant_place_maximum/output_min:0" not in names


def test_normalization_behind_an_activation_is_left_and_named() -> None:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(2, 3, use_bias=False),
            layers.BatchNormalization(name="folded"),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(3, activation="relu"),
            layers.BatchNormalization(name="left"),
            layers.Dense(2, activation="softmax"),
        ]
    )
    copy, left = annotated(model)
    assert left == ["left"]
    assert copy.count_params() == model.count_params()
    tfmot.quantization.keras.quantize_apply(copy)


def test_a_model_inside_a_model_is_refused() -> None:
    inner = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()], name="inner")
    model = keras.Sequential([keras.Input((8, 8, 1)), inner, keras.layers.Dense(2)], name="outer")
    with pytest.raises(ModelError, match='model "outer" holds the model "inner" as a layer'):
        annotated(model)


def test_normalization_of_maps_becomes_one_operator() -> None:
    layers = keras.layers
    image = keras.Input((8, 8, 2))
    model = keras.Sequential(
        [
            image,
            layers.BatchNormalization(name="first"),
            layers.Conv2D(3, 3, name="conv"),
            layers.BatchNormalization(name="folded"),
            layers.ReLU(),
            layers.BatchNormalization(name="behind", scale=False),
            layers.Flatten(),
            layers.BatchNormalization(name="flat"),
        ]
    )
    draw = np.random.default_rng(0)
    model.set_weights([values + draw.random(values.shape) for values in model.get_weights()])
    whole = with_channelwise_norms(model)
    kinds = {layer.name: type(layer).__name__ for layer in whole.layers}
    assert (kinds["first"], kinds["behind"]) == ("DepthwiseConv2D", "DepthwiseConv2D")
    assert (kinds["folded"], kinds["flat"]) == ("BatchNormalization", "BatchNormalization")
    images = draw.random((3, 8, 8, 2)).astype(np.float32)
    np.testing.assert_allclose(whole(images), model(images), atol=1e-5)
    assert with_channelwise_norms(whole) is whole
    assert annotated(whole)[1] == ["flat"]
