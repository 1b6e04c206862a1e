# SPDX-License-Identifier: Apache-2.0
"""`melanoma-v1`, `-v2`, `-v3`: convolutions with poolings, a dense layer, one sigmoid; for 500x500 pixels."""

from functools import partial
from typing import Any

from edgecnn.models import Architecture, Shape
from edgecnn.models._parts import probabilities, require_input, scaled

Stages = tuple[tuple[int, int], ...]  # filters, and the side of each

V1: Stages = ((32, 3), (64, 3), (64, 3), (128, 3), (128, 3))
V2: Stages = ((32, 3), (64, 3), (64, 3), (128, 3), (256, 3), (512, 3))
V3: Stages = ((32, 13), (64, 11), (64, 7), (128, 5), (256, 3), (512, 3))


def build(name: str, stages: Stages, dense: int, input_shape: Shape, classes: int, width: float) -> Any:
    """Return the uncompiled Keras model: float32 (n, *input_shape) in 0..1 -> sigmoid (n, 1).

    Each stage is a valid convolution and a pooling by 2. A smaller input leaves out the last stages, those
    for which nothing would be left to pool. With more classes than two it ends in a softmax (n, classes).

    Raises:
        ModelError: the input is too small for the first stage.
    """
    require_input(name, input_shape, stages[0][1] + 1)
    from edgecnn.tf import keras

    layers = keras.layers
    image = features = keras.Input(input_shape, name="image")
    for number, (filters, side) in enumerate(stages, 1):
        if min(features.shape[1:3]) < side + 1:
            break
        convolution = layers.Conv2D(scaled(filters, width), side, activation="relu", name=f"conv{number}")
        features = layers.MaxPooling2D(2, name=f"pool{number}")(convolution(features))
    features = layers.Flatten(name="flatten")(features)
    features = layers.Dense(scaled(dense, width), activation="relu", name="dense")(features)
    features = layers.Dropout(0.5, name="dropout")(features)
    return keras.Model(image, probabilities(features, classes), name=name)


def _architecture(name: str, stages: Stages, dense: int, parameters: int) -> Architecture:
    return Architecture(
        name=name,
        summary=f"skin lesions; {len(stages)} convolutions, the first {stages[0][1]}x{stages[0][1]}",
        input_shape=(500, 500, 3),
        classes=2,
        parameters=parameters,
        build=partial(build, name, stages, dense),
        epochs=50,
        batch_size=32,
        optimizer="sgd",
        learning_rate=1e-3,
        reduce_patience=3,
        sampling="balanced",
    )


ARCHITECTURES = (
    _architecture("melanoma-v1", V1, 512, 11_354_369),
    _architecture("melanoma-v2", V2, 1024, 14_714_753),
    _architecture("melanoma-v3", V3, 1024, 10_535_809),
)
