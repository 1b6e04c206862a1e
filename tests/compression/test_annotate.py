# SPDX-License-Identifier: Apache-2.0
"""Layers that the toolkit refuses are quantized by their output, or left and named."""

import pytest

from edgecnn.compression.annotate import annotated
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
