# SPDX-License-Identifier: Apache-2.0
"""`cbam`: residual, inception and attention blocks, one sigmoid; made for 224x224 photographs of skin.

Squeeze-and-excitation: Hu et al. 2018, arXiv:1709.01507. CBAM: Woo et al. 2018, arXiv:1807.06521. Attention
is written with 1x1 convolutions over maps of one pixel, so that it becomes plain int8 operators.
"""

from typing import Any

from edgecnn.models import Architecture, Shape
from edgecnn.models._parts import probabilities, require_input, scaled

SMALLEST_INPUT = 32  # which the five halvings bring to a single pixel


def build(input_shape: Shape, classes: int, width: float) -> Any:
    """Return the uncompiled Keras model: float32 (n, *input_shape) in 0..1 -> sigmoid (n, 1).

    With more classes than two it ends in a softmax (n, classes).

    Raises:
        ModelError: the input is too small for the poolings.
    """
    require_input("cbam", input_shape, SMALLEST_INPUT)
    from edgecnn.tf import keras

    layers = keras.layers
    image = keras.Input(input_shape, name="image")
    features = _conv(image, scaled(32, width), 3, "stem", strides=2)
    features = layers.MaxPooling2D(2, name="stem_pool")(features)
    features = _residual(features, scaled(64, width))
    features = layers.MaxPooling2D(2, name="residual_pool")(features)
    features = _inception(features, width)
    features = _cbam(features)
    features = _conv(features, scaled(320, width), 3, "deep1")
    features = layers.MaxPooling2D(2, name="deep_pool")(features)
    features = _conv(features, scaled(512, width), 3, "deep2")
    features = layers.GlobalAveragePooling2D(name="average")(features)
    features = layers.Dropout(0.4, name="dropout1")(features)
    features = layers.Dense(scaled(256, width), activation="relu", name="dense")(features)
    features = layers.Dropout(0.3, name="dropout2")(features)
    return keras.Model(image, probabilities(features, classes), name="cbam")


def _conv(features: Any, filters: int, side: int, name: str, strides: int = 1, relu: bool = True) -> Any:
    """Apply a convolution, batch normalization and ReLU."""
    from edgecnn.tf import keras

    layers = keras.layers
    features = layers.Conv2D(filters, side, strides, padding="same", use_bias=False, name=name)(features)
    features = layers.BatchNormalization(name=f"{name}_norm")(features)
    return layers.ReLU(name=f"{name}_relu")(features) if relu else features


def _residual(features: Any, filters: int) -> Any:
    """Apply two convolutions with squeeze-and-excitation, beside a 1x1 one; both halve the map.

    Attention has to see all of a map before it scales the first row, so the map is kept whole: it is small.
    """
    from edgecnn.tf import keras

    layers = keras.layers
    deep = _conv(features, filters, 3, "residual1", strides=2)
    deep = _conv(deep, filters, 3, "residual2", relu=False)
    squeezed = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(deep)
    squeezed = layers.Conv2D(max(1, filters // 8), 1, activation="relu", name="reduce")(squeezed)
    excitation = layers.Conv2D(filters, 1, activation="sigmoid", name="excite")(squeezed)
    deep = layers.Multiply(name="excited")([deep, excitation])
    shortcut = _conv(features, filters, 1, "shortcut", strides=2, relu=False)
    return layers.ReLU(name="residual_relu")(layers.Add(name="residual")([deep, shortcut]))


def _inception(features: Any, width: float) -> Any:
    """Look at windows of 1x1, 3x3 and 5x5 pixels, and at the maximum of 3x3, side by side."""
    from edgecnn.tf import keras

    layers = keras.layers
    pooled = layers.MaxPooling2D(3, 1, padding="same", name="inception_pool")(features)
    branches = [
        _conv(features, scaled(64, width), 1, "inception1"),
        _conv(_conv(features, scaled(96, width), 1, "inception3a"), scaled(128, width), 3, "inception3b"),
        _conv(_conv(features, scaled(16, width), 1, "inception5a"), scaled(32, width), 5, "inception5b"),
        _conv(pooled, scaled(32, width), 1, "inception_pooled"),
    ]
    return layers.Concatenate(name="inception")(branches)


def _cbam(features: Any) -> Any:
    """Weigh channels by what they hold anywhere, then places by what any channel holds there."""
    from edgecnn.models._layers import ChannelMax, ChannelMean
    from edgecnn.tf import keras

    layers = keras.layers
    channels = features.shape[-1]
    average = layers.GlobalAveragePooling2D(keepdims=True, name="channel_average")(features)
    maximum = layers.GlobalMaxPooling2D(keepdims=True, name="channel_maximum")(features)
    reduce = layers.Conv2D(max(1, channels // 16), 1, activation="relu", name="channel_reduce")
    expand = layers.Conv2D(channels, 1, name="channel_expand")
    channel = layers.Add(name="channel_sum")([expand(reduce(average)), expand(reduce(maximum))])
    channel = layers.Activation("sigmoid", name="channel_attention")(channel)
    features = layers.Multiply(name="channel_attended")([features, channel])
    place = [ChannelMean(name="place_mean")(features), ChannelMax(name="place_maximum")(features)]
    place = layers.Concatenate(name="place")(place)
    place = layers.Conv2D(1, 7, padding="same", activation="sigmoid", name="place_attention")(place)
    return layers.Multiply(name="place_attended")([features, place])


ARCHITECTURES = (
    Architecture(
        name="cbam",
        summary="skin lesions, benign or malignant; residual, inception and attention blocks",
        input_shape=(224, 224, 3),
        classes=2,
        parameters=2_553_692,
        build=build,
        epochs=50,
        batch_size=32,
        optimizer="adam",
        learning_rate=1e-3,
        patience=10,
        reduce_patience=4,
        class_weights="balanced",
        augment="rotation=20,shift=0.2,shear=0.2,zoom=0.2,flip",
    ),
)
