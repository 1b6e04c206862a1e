# SPDX-License-Identifier: Apache-2.0
"""`cainvas`: three convolutions, four dense layers, 57,987 parameters; made for 64x64 lung CT slices."""

from typing import Any

from edgecnn.errors import ModelError
from edgecnn.models import Architecture

SMALLEST_INPUT = 22  # below it the last pooling has nothing left to pool


def build(input_shape: tuple[int, int, int], classes: int) -> Any:
    """Return the uncompiled Keras model: float32 (n, *input_shape) in 0..1 -> softmax (n, classes).

    Raises:
        ModelError: the input is too small for the three poolings.
    """
    if min(input_shape[:2]) < SMALLEST_INPUT:
        raise ModelError(
            f'model "cainvas" can\'t take an input of {input_shape[0]}x{input_shape[1]}; '
            f"use {SMALLEST_INPUT}x{SMALLEST_INPUT} or more"
        )
    from edgecnn.tf import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(input_shape, name="image"),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Conv2D(64, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(3, name="pool2"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv3"),
            layers.MaxPooling2D(2, name="pool3"),
            layers.Flatten(name="flatten"),
            layers.Dense(32, activation="relu", name="dense1"),
            layers.Dense(64, activation="relu", name="dense2"),
            layers.Dense(32, activation="relu", name="dense3"),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="cainvas",
    )


ARCHITECTURE = Architecture(
    name="cainvas",
    summary="lung CT, 64x64 grey; 57,987 parameters with three classes",
    input_shape=(64, 64, 1),
    build=build,
    epochs=50,
    batch_size=32,
    optimizer="adam",
    learning_rate=1e-3,
    patience=8,
)
