# SPDX-License-Identifier: Apache-2.0
"""`unet`: three levels down and up with skips, one probability a pixel.

After Ronneberger et al. 2015, arXiv:1505.04597.
"""

from typing import Any

from edgecnn.models import Architecture, Shape
from edgecnn.models._parts import require_input, scaled

LEVELS = (16, 32, 64)  # filters on the way down, and in reverse order on the way up
BOTTOM = 128


def build(input_shape: Shape, classes: int, width: float) -> Any:
    """Return the uncompiled Keras model: float32 (n, h, w, c) in 0..1 -> sigmoid (n, h, w, 1).

    Raises:
        ModelError: a side of the input can't be halved once a level.
    """
    multiple = 2 ** len(LEVELS)
    require_input("unet", input_shape, multiple, multiple)
    from edgecnn.tf import keras

    layers = keras.layers
    image = features = keras.Input(input_shape, name="image")
    skips = []
    for level, filters in enumerate(LEVELS, 1):
        skips.append(_twice(features, scaled(filters, width), f"down{level}"))
        features = layers.MaxPooling2D(2, name=f"pool{level}")(skips[-1])
    features = _twice(features, scaled(BOTTOM, width), "bottom")
    for level in range(len(LEVELS), 0, -1):
        filters = scaled(LEVELS[level - 1], width)
        features = layers.Conv2DTranspose(filters, 2, 2, name=f"double{level}")(features)
        features = layers.Concatenate(name=f"skip{level}")([skips.pop(), features])
        features = _twice(features, filters, f"up{level}")
    mask = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(features)
    return keras.Model(image, mask, name="unet")


def _twice(features: Any, filters: int, name: str) -> Any:
    """Apply two convolutions that keep height and width."""
    from edgecnn.tf import keras

    for letter in "ab":
        features = keras.layers.Conv2D(
            filters, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=name + letter
        )(features)
    return features


ARCHITECTURES = (
    Architecture(
        name="unet",
        summary="masks: nuclei, tumour areas; three levels down and up",
        input_shape=(400, 400, 3),
        classes=1,
        parameters=482_033,
        build=build,
        epochs=50,
        batch_size=8,
        optimizer="adam",
        learning_rate=1e-3,
        patience=8,
        reduce_patience=3,
        augment="rotation=10,shift=0.05,zoom=0.1,flip",
    ),
)
