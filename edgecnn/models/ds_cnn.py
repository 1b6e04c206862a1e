# SPDX-License-Identifier: Apache-2.0
"""`ds-cnn`: a convolution, then four depthwise and 1x1 ones, as MLPerf Tiny's keyword spotting has them.

Zhang et al. 2017, arXiv:1711.07128 (its smallest); Banbury et al. 2021, arXiv:2106.07597. Its image is a
spectrogram of 49 frames of ten coefficients; it takes any other.
"""

from typing import Any

from edgecnn.models import Architecture, Shape
from edgecnn.models._parts import probabilities, require_input, scaled

SMALLEST_INPUT = 8
_BLOCKS = 4


def build(input_shape: Shape, classes: int, width: float) -> Any:
    """Return the uncompiled Keras model: float32 (n, *input_shape) in 0..1 -> softmax (n, classes).

    Raises:
        ModelError: the input is too small.
    """
    require_input("ds-cnn", input_shape, SMALLEST_INPUT)
    from edgecnn.tf import keras

    layers = keras.layers
    image = keras.Input(input_shape, name="image")
    channels = scaled(64, width)
    features = layers.Conv2D(channels, (10, 4), 2, padding="same", name="conv")(image)
    features = layers.Dropout(0.2, name="dropout1")(_activated(features, "conv"))
    for number in range(1, _BLOCKS + 1):
        name = f"depthwise{number}"
        features = _activated(layers.DepthwiseConv2D(3, padding="same", name=name)(features), name)
        name = f"pointwise{number}"
        features = _activated(layers.Conv2D(channels, 1, name=name)(features), name)
    features = layers.Dropout(0.4, name="dropout2")(features)
    features = layers.GlobalAveragePooling2D(name="mean")(features)
    return keras.Model(image, probabilities(features, classes), name="ds-cnn")


def _activated(features: Any, name: str) -> Any:
    from edgecnn.tf import keras

    features = keras.layers.BatchNormalization(name=f"{name}_norm")(features)
    return keras.layers.ReLU(name=f"{name}_relu")(features)


ARCHITECTURES = (
    Architecture(
        name="ds-cnn",
        summary="spectrograms of words, twelve kinds; depthwise and 1x1 convolutions",
        input_shape=(49, 10, 1),
        classes=12,
        parameters=24_908,
        build=build,
        epochs=50,
        batch_size=100,
        optimizer="adam",
        learning_rate=5e-4,
        patience=8,
        reduce_patience=4,
    ),
)
