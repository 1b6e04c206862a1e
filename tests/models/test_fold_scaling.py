# SPDX-License-Identifier: Apache-2.0
"""What scales an image goes into the convolutions behind it where that is exact, and stays where it isn't."""

from typing import Any

import numpy as np
import pytest

from edgecnn.compiler.ir import Normalization
from edgecnn.compiler.picture import of_range
from edgecnn.models._fold_scaling import with_folded_scaling
from edgecnn.models._normalize import normalized
from edgecnn.tf import keras

L = keras.layers
SHAPE = (9, 8, 3)
IMAGES = np.random.default_rng(0).random((3, *SHAPE)).astype(np.float32)
COLOURS = Normalization((124.0, 116.0, 104.0), (58.0, 57.0, 57.5))


def shaken(model: Any) -> Any:
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.5, weights.shape) for weights in model.get_weights()])
    return model


def one(*layers: Any) -> Any:
    return shaken(keras.Sequential([keras.Input(SHAPE), *layers, L.Flatten(), L.Dense(2)]))


def two_branches() -> Any:
    image = keras.Input(SHAPE)
    branches = [L.Conv2D(2, size)(image) for size in (1, 3)]
    means = [L.GlobalAveragePooling2D()(branch) for branch in branches]
    return shaken(keras.Model(image, L.Concatenate()(means)))


@pytest.mark.parametrize(
    ("network", "wants"),
    [
        (lambda: one(L.Conv2D(4, 3)), of_range(-1, 1)),
        (lambda: one(L.Conv2D(4, 3, 2, use_bias=False, activation="relu")), COLOURS),
        (lambda: one(L.Conv2D(4, (2, 3), dilation_rate=2)), COLOURS),
        (lambda: one(L.DepthwiseConv2D(3, depth_multiplier=2)), COLOURS),
        (lambda: one(L.DepthwiseConv2D(3, use_bias=False)), of_range(-1, 1)),
        (lambda: one(L.Conv2D(4, 3, padding="same")), of_range(0, 255)),
        (two_branches, COLOURS),
    ],
)
def test_the_scaling_goes_and_the_answers_stay(network: Any, wants: Normalization) -> None:
    model, _ = normalized(network(), "mine", wants)
    folded = with_folded_scaling(model)
    assert [layer.name for layer in folded.layers if layer.name.startswith("input_scaling")] == []
    assert len(folded.layers) == len(model.layers) - 1
    expected = model(IMAGES).numpy()
    np.testing.assert_allclose(folded(IMAGES), expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    "network",
    [
        lambda: one(L.Conv2D(4, 3, padding="same")),  # its zeros would mean another colour
        lambda: one(L.MaxPooling2D(), L.Conv2D(4, 3)),
        lambda: one(L.Conv2D(3, 3, groups=3)),
    ],
)
def test_where_it_would_not_be_exact_it_stays(network: Any) -> None:
    model, _ = normalized(network(), "mine", COLOURS)
    assert with_folded_scaling(model) is model


def test_channels_that_are_mixed_first_are_mixed_by_the_convolution() -> None:
    image = keras.Input(SHAPE)
    swapped = L.Lambda(lambda pixels: pixels[..., ::-1] / 127.5 - 1)(image)
    model, _ = normalized(shaken(keras.Model(image, L.Conv2D(2, 3)(swapped))), "mine")
    folded = with_folded_scaling(model)
    assert [type(layer).__name__ for layer in folded.layers] == ["InputLayer", "Conv2D"]
    np.testing.assert_allclose(folded(IMAGES), model(IMAGES), atol=1e-5)
