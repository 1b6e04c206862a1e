# SPDX-License-Identifier: Apache-2.0
"""`cainvas`: three convolutions, four dense layers, 57,987 parameters; made for 64x64 lung CT slices."""

from typing import Any

from edgecnn.models import Architecture, Shape
from edgecnn.models._parts import require_input, scaled

SMALLEST_INPUT = 22  # below it the last pooling has nothing left to pool


def build(input_shape: Shape, classes: int, width: float) -> Any:
    """Return the uncompiled Keras model: float32 (n, *input_shape) in 0..1 -> softmax (n, classes).

    Raises:
        ModelError: the input is too small for the three poolings.
    """
    require_input("cainvas", input_shape, SMALLEST_INPUT)
    from edgecnn.tf import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(input_shape, name="image"),
            layers.Conv2D(scaled(32, width), 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Conv2D(scaled(64, width), 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(3, name="pool2"),
            layers.Conv2D(scaled(32, width), 3, padding="same", activation="relu", name="conv3"),
            layers.MaxPooling2D(2, name="pool3"),
            layers.Flatten(name="flatten"),
            layers.Dense(scaled(32, width), activation="relu", name="dense1"),
            layers.Dense(scaled(64, width), activation="relu", name="dense2"),
            layers.Dense(scaled(32, width), activation="relu", name="dense3"),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="cainvas",
    )


ARCHITECTURES = (
    Architecture(
        name="cainvas",
        summary="lung CT; three convolutions, four dense layers",
        input_shape=(64, 64, 1),
        classes=3,
        parameters=57_987,
        build=build,
        epochs=50,
        batch_size=32,
        optimizer="adam",
        learning_rate=1e-3,
        patience=8,
    ),
)
