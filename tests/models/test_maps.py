# SPDX-License-Identifier: Apache-2.0
"""Networks over windows and rows are computed over maps, of Keras 2 and 3 alike; others are refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from own_networks import keras2, keras3

from edgecnn.compiler.ir import Window
from edgecnn.errors import ModelError
from edgecnn.models import map_shape
from edgecnn.models._numbers import network_of_numbers, with_scaled_numbers

LENGTH, CHANNELS = 24, 3
Layers = Callable[[Any], list[Any]]

NETWORKS: dict[str, Layers] = {
    "causal": lambda of: [
        of.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu"),
        of.Flatten(),
    ],
    "strided": lambda of: [of.Conv1D(4, 5, strides=3, padding="same", groups=1), of.GlobalMaxPooling1D()],
    "separable": lambda of: [
        of.SeparableConv1D(5, 3, padding="same", depth_multiplier=2, activation="relu"),
        of.BatchNormalization(),
        of.GlobalAveragePooling1D(),
    ],
    "depthwise": lambda of: [of.DepthwiseConv1D(4, depth_multiplier=2), of.MaxPooling1D(3), of.Flatten()],
    "pools": lambda of: [
        of.AveragePooling1D(3, strides=2, padding="same"),
        of.ZeroPadding1D((2, 1)),
        of.Cropping1D((1, 0)),
        of.UpSampling1D(2),
        of.Dense(4, activation="tanh"),
        of.GlobalAveragePooling1D(),
    ],
    "spectrogram": lambda of: [
        of.Reshape((LENGTH, CHANNELS, 1)),
        of.Conv2D(4, 3, activation="relu"),
        of.Reshape((LENGTH - 2, 4)),
        of.Permute((2, 1)),
        of.Conv1D(2, 2),
        of.Flatten(),
    ],
    "prelu": lambda of: [of.Conv1D(4, 3), of.PReLU(shared_axes=[1]), of.SpatialDropout1D(0.5), of.Flatten()],
}


def randomized(model: Any) -> Any:
    draw = np.random.default_rng(0)
    model.set_weights([draw.uniform(0.1, 1, weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("of", [keras2, keras3], ids=["keras2", "keras3"])
@pytest.mark.parametrize("name", NETWORKS)
def test_maps_of_height_1_answer_as_windows_do(of: Any, name: str) -> None:
    model = randomized(
        of.Sequential([of.Input((LENGTH, CHANNELS)), *NETWORKS[name](of.layers), of.layers.Dense(2)])
    )
    windows = np.random.default_rng(1).normal(size=(5, LENGTH, CHANNELS)).astype(np.float32)
    twin, _ = network_of_numbers(model, name)
    assert twin.input_shape == (None, 1, LENGTH, CHANNELS)
    expected, answers = np.array(model(windows)), np.array(twin(windows[:, np.newaxis]))
    np.testing.assert_allclose(answers, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_branches_of_windows_meet() -> None:
    of = keras2.layers
    window = keras2.Input((LENGTH, CHANNELS))
    branch = of.Conv1D(CHANNELS, 3, padding="same")(window)
    both = of.Concatenate(axis=-1)([of.Add()([window, branch]), branch])
    model = randomized(
        keras2.Model(window, of.GlobalAveragePooling1D()(of.Concatenate(axis=1)([both, both])))
    )
    windows = np.random.default_rng(1).normal(size=(5, LENGTH, CHANNELS)).astype(np.float32)
    twin, _ = network_of_numbers(model, "branches")
    np.testing.assert_allclose(twin(windows[:, np.newaxis]), model(windows), rtol=1e-5)


def test_a_row_is_a_map_of_one_pixel() -> None:
    model = randomized(keras2.Sequential([keras2.Input((6,)), keras2.layers.Dense(3)]))
    rows = np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)
    twin, _ = network_of_numbers(model, "row")
    np.testing.assert_allclose(twin(rows.reshape(5, 1, 1, 6)), model(rows), rtol=1e-6)


@pytest.mark.parametrize("of", [keras2, keras3], ids=["keras2", "keras3"])
def test_what_scales_numbers_first_goes_into_one_operator(of: Any) -> None:
    norm = of.layers.Normalization(axis=-1, mean=[1.0, -20.0, 9.8], variance=[4.0, 900.0, 0.25])
    model = of.Sequential(
        [
            of.Input((LENGTH, CHANNELS)),
            norm,
            of.layers.Rescaling(0.5),
            of.layers.Conv1D(4, 3),
            of.layers.Flatten(),
        ]
    )
    flat, _ = network_of_numbers(model, "scaled")
    ranges = (Window(-3.0, 5.0), Window(-110.0, 70.0), Window(8.0, 11.0))
    scaled = with_scaled_numbers(flat, "scaled", ranges)
    assert [type(layer).__name__ for layer in scaled.layers[1:]] == ["DepthwiseConv2D", "Conv2D", "Flatten"]
    share = np.random.default_rng(1).random((5, 1, LENGTH, CHANNELS)).astype(np.float32)
    lows, spans = (np.array([f(window) for window in ranges]) for f in (min, lambda w: w.high - w.low))
    expected = np.array(model((lows + spans * share[:, 0]).astype(np.float32)))
    np.testing.assert_allclose(scaled(share), expected, rtol=1e-4, atol=1e-4)


def test_other_layers_over_time_are_refused_by_name() -> None:
    model = keras2.Sequential([keras2.Input((LENGTH, CHANNELS)), keras2.layers.LSTM(4, name="memory")])
    with pytest.raises(ModelError, match='layer "memory" \\(LSTM\\) works on windows of one dimension'):
        network_of_numbers(model, "lstm")


def test_shapes_become_those_of_maps() -> None:
    assert [map_shape(shape) for shape in ((6,), (24, 3), (49, 10, 1))] == [
        (1, 1, 6),
        (1, 24, 3),
        (49, 10, 1),
    ]
    for shape in ((), (2, 3, 4, 5), (None, 3)):
        with pytest.raises(ModelError, match="can't be taken"):
            map_shape(shape)
