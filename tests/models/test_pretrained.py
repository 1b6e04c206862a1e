# SPDX-License-Identifier: Apache-2.0
"""Weights that a network begins with do in it what they did where they come from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecnn.errors import ModelError
from edgecnn.models import architecture
from edgecnn.tf import keras, keras3

L = keras.layers
IMAGES = np.random.default_rng(1).random((2, 32, 32, 3), np.float32)


def shaken(model: Any) -> Any:
    """Return a model whose normalizations do something."""
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            weights + rng.uniform(0, 0.1, weights.shape) * (weights.ndim == 1)
            for weights in model.get_weights()
        ]
    )
    return model


def until(model: Any, layer: str, images: Any) -> Any:
    return np.array(keras.Model(model.input, model.get_layer(layer).output)(images))


@pytest.mark.parametrize(
    ("name", "application", "first"),
    [
        ("mobilenet-v1", keras.applications.MobileNet, "conv1_relu"),
        ("mobilenet-v2", keras.applications.MobileNetV2, "Conv1_relu"),
    ],
)
def test_keras_weights_for_images_of_minus_1_to_1(
    name: str, application: Any, first: str, tmp_path: Path
) -> None:
    whole = shaken(application((32, 32, 3), 0.5, include_top=False, weights=None))
    whole.save_weights(tmp_path / "weights.h5")
    network = architecture(name)
    assert network.load_weights
    assert network.base_end
    model = network.build((32, 32, 3), 3, 0.5)
    network.load_weights(model, str(tmp_path / "weights.h5"))
    # Behind the outermost pixels, which see the convolution's zeros: they mean grey there and black here.
    found, expected = until(model, first, IMAGES), until(whole, first, 2 * IMAGES - 1)
    np.testing.assert_allclose(found[:, :-1, :-1], expected[:, :-1, :-1], atol=1e-5)
    for layer, other in zip(model.layers[4:], whole.layers[4:], strict=False):
        for weights, theirs in zip(layer.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(weights, theirs)
    assert model.get_layer(network.base_end).output_shape == whole.output_shape
    with pytest.raises(ModelError, match=f'do not fit model "{name}"|holds no weights of Keras'):
        network.load_weights(network.build((32, 32, 3), 3, 0.25), str(tmp_path / "weights.h5"))


def mobilenet_with_biases(of: Any, *first: Any) -> Any:
    """Return MobileNet's first layers as MLPerf Tiny writes them, and dense layers of its own."""
    layers = of.layers
    stack = [*first, layers.Conv2D(8, 3, 2, padding="same"), layers.BatchNormalization(), layers.ReLU()]
    filters = [16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256]
    for number, channels in enumerate(filters):
        stride = 2 if number in (1, 3, 5, 11) else 1
        stack += [layers.DepthwiseConv2D(3, stride, padding="same"), layers.BatchNormalization()]
        stack += [layers.ReLU(), layers.Conv2D(channels, 1), layers.BatchNormalization(), layers.ReLU()]
    stack += [layers.GlobalAveragePooling2D(), layers.Dense(7, activation="softmax")]
    return shaken(of.Sequential([of.Input((32, 32, 3)), *stack]))


@pytest.mark.parametrize("of", [keras, keras3])
def test_a_model_of_another_whose_layers_match(of: Any, tmp_path: Path) -> None:
    """Its biases go into the normalizations behind them, and what it does to bytes into the first layer."""
    whole = mobilenet_with_biases(of, of.layers.Rescaling(1 / 127.5, -1))
    whole.save(tmp_path / "theirs.keras")
    network = architecture("mobilenet-v1")
    assert network.load_weights
    model = network.build((32, 32, 3), 3, 0.25)
    network.load_weights(model, str(tmp_path / "theirs.keras"))
    theirs = of.Model(whole.inputs, whole.layers[3].output)
    expected = np.minimum(np.array(theirs(255 * IMAGES)), 6)
    found = until(model, "conv1_relu", IMAGES)
    np.testing.assert_allclose(found[:, :-1, :-1], expected[:, :-1, :-1], atol=1e-4)
    kernels = [layer.get_weights()[0] for layer in whole.layers if layer.name.startswith("depthwise")]
    for number, kernel in enumerate(kernels, 1):
        np.testing.assert_array_equal(model.get_layer(f"conv_dw_{number}").get_weights()[0], kernel)


def test_what_does_not_fit_is_refused_by_its_layer(tmp_path: Path) -> None:
    network = architecture("mobilenet-v1")
    assert network.load_weights
    model = network.build((32, 32, 3), 3, 0.25)
    small = keras.Sequential([keras.Input((32, 32, 3)), L.Conv2D(8, 3), L.BatchNormalization()])
    small.save(tmp_path / "small.keras")
    with pytest.raises(ModelError, match=r'where its layer "conv_dw_1" has .* it ends'):
        network.load_weights(model, str(tmp_path / "small.keras"))
    wide = keras.Sequential([keras.Input((32, 32, 3)), L.Conv2D(9, 3, name="mine"), L.BatchNormalization()])
    wide.save(tmp_path / "wide.keras")
    with pytest.raises(ModelError, match=r'where its layer "conv1" has .* layer "mine" has'):
        network.load_weights(model, str(tmp_path / "wide.keras"))
