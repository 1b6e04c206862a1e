# SPDX-License-Identifier: Apache-2.0
"""`resnet8`: three residual blocks, as MLPerf Tiny's image classification has them, for 32x32 pictures.

Banbury et al. 2021, arXiv:2106.07597; residual blocks as in He et al. 2016, arXiv:1512.03385.
"""

from typing import Any

from edgecnn.models import Architecture, Shape
from edgecnn.models._parts import probabilities, require_input, scaled

SMALLEST_INPUT = 8


def build(input_shape: Shape, classes: int, width: float) -> Any:
    """Return the uncompiled Keras model: float32 (n, *input_shape) in 0..1 -> softmax (n, classes).

    Raises:
        ModelError: the input is too small.
    """
    require_input("resnet8", input_shape, SMALLEST_INPUT)
    from edgecnn.tf import keras

    image = keras.Input(input_shape, name="image")
    features = _conv(image, scaled(16, width), 3, 1, "conv", relu=True)
    for number, (filters, stride) in enumerate(((16, 1), (32, 2), (64, 2)), 1):
        features = _block(features, scaled(filters, width), stride, f"block{number}")
    features = keras.layers.GlobalAveragePooling2D(name="mean")(features)
    return keras.Model(image, probabilities(features, classes), name="resnet8")


def _block(features: Any, filters: int, stride: int, name: str) -> Any:
    from edgecnn.tf import keras

    made = _conv(features, filters, 3, stride, f"{name}a", relu=True)
    made = _conv(made, filters, 3, 1, f"{name}b", relu=False)
    if stride > 1:
        features = keras.layers.Conv2D(filters, 1, stride, padding="same", name=f"{name}_shortcut")(features)
    made = keras.layers.Add(name=f"{name}_add")([features, made])
    return keras.layers.ReLU(name=f"{name}_relu")(made)


def _conv(features: Any, filters: int, size: int, stride: int, name: str, *, relu: bool) -> Any:
    from edgecnn.tf import keras

    layers = keras.layers
    features = layers.Conv2D(filters, size, stride, padding="same", name=name)(features)
    features = layers.BatchNormalization(name=f"{name}_norm")(features)
    return layers.ReLU(name=f"{name}_relu")(features) if relu else features


ARCHITECTURES = (
    Architecture(
        name="resnet8",
        summary="small photographs, ten kinds; three residual blocks",
        input_shape=(32, 32, 3),
        classes=10,
        parameters=78_666,
        build=build,
        epochs=100,
        batch_size=32,
        optimizer="adam",
        learning_rate=1e-3,
        patience=12,
        reduce_patience=5,
    ),
)
