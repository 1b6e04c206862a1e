# SPDX-License-Identifier: Apache-2.0
"""Keras graphs in which channels are coupled in every way, and networks as others publish them, small."""

from collections.abc import Callable
from typing import Any

import numpy as np

from edgecnn.models._layers import ChannelMax, ChannelMean, HardSwish
from edgecnn.tf import keras

L = keras.layers
ACTIVATIONS = ("relu", "relu6", "sigmoid", "tanh", "swish", "elu", "linear")
Draw = np.random.Generator
Piece = Callable[[Any, Draw], Any]  # (map (n, h, w, c), what draws numbers) -> such a map


def _conv(maps: Any, draw: Draw, filters: int | None = None) -> Any:
    filters = filters or int(draw.integers(2, 6))
    activation = str(draw.choice(ACTIVATIONS))
    return L.Conv2D(filters, 3, padding="same", activation=activation, use_bias=bool(draw.integers(2)))(maps)


def _normalized(maps: Any, draw: Draw) -> Any:
    scale = bool(draw.integers(2))
    maps = L.BatchNormalization(scale=scale, center=bool(draw.integers(2)) or not scale)(_conv(maps, draw))
    return L.ReLU((None, 6.0)[draw.integers(2)])(maps)


def _residual(maps: Any, draw: Draw) -> Any:
    channels = maps.shape[-1]
    merge = draw.choice([L.Add, L.Subtract, L.Average, L.Maximum, L.Minimum])
    return merge()([maps, _conv(_conv(maps, draw), draw, channels)])


def _depthwise(maps: Any, draw: Draw) -> Any:
    multiplier = int(draw.integers(1, 3))
    maps = L.DepthwiseConv2D(3, padding="same", depth_multiplier=multiplier, activation="relu")(maps)
    return _conv(maps, draw)


def _separable(maps: Any, draw: Draw) -> Any:
    return L.SeparableConv2D(4, 3, padding="same", depth_multiplier=int(draw.integers(1, 3)))(maps)


def _squeezed(maps: Any, draw: Draw) -> Any:
    channels = maps.shape[-1]
    if draw.integers(2):
        gate = L.GlobalAveragePooling2D(keepdims=True)(maps)
        gate = L.Conv2D(channels, 1, activation="sigmoid")(L.Conv2D(2, 1, activation="relu")(gate))
    else:
        gate = L.Dense(channels, activation="sigmoid")(L.Dense(3)(L.GlobalMaxPooling2D()(maps)))
        gate = L.Reshape((1, 1, channels))(gate)
    return L.Multiply()([maps, gate])


def _attended(maps: Any, draw: Draw) -> Any:
    """Apply CBAM: weights that two calls share, a mean and a maximum over channels."""
    channels = maps.shape[-1]
    maps = L.ReLU()(_conv(maps, draw, channels))
    reduce, expand = L.Conv2D(2, 1, activation="relu"), L.Conv2D(channels, 1)
    pooled = L.GlobalAveragePooling2D(keepdims=True)(maps), L.GlobalMaxPooling2D(keepdims=True)(maps)
    gate = L.Activation("sigmoid")(L.Add()([expand(reduce(one)) for one in pooled]))
    maps = L.Multiply()([maps, gate])
    place = L.Concatenate()([ChannelMean()(maps), ChannelMax()(maps)])
    return L.Multiply()([maps, L.Conv2D(1, 3, padding="same", activation="sigmoid")(place)])


def _skipped(maps: Any, draw: Draw) -> Any:
    """Go down and up again, past a skip, as U-Net does."""
    small = L.MaxPooling2D(2)(_conv(maps, draw))
    up = L.Conv2DTranspose(3, 2, 2, activation="relu") if draw.integers(2) else L.UpSampling2D(2)
    return L.Concatenate()([maps, up(small)])


def _branches(maps: Any, draw: Draw) -> Any:
    return L.Concatenate()([_conv(maps, draw), L.AveragePooling2D(3, 1, "same")(maps), _conv(maps, draw)])


def _twice(maps: Any, draw: Draw) -> Any:
    """Call one convolution twice, one after the other, so that what it reads is what it makes."""
    shared = L.Conv2D(maps.shape[-1], 3, padding="same", activation="relu")
    return shared(shared(maps))


def _values(maps: Any, draw: Draw) -> Any:
    layers = (
        *(L.LeakyReLU(), L.PReLU(shared_axes=[1, 2]), L.PReLU(), L.ELU(), HardSwish()),
        *(L.Rescaling(0.5), L.Rescaling(1.0, 0.1), L.Dropout(0.1), L.GaussianNoise(0.1)),
        *(L.Permute((2, 1, 3)), L.Cropping2D(0), L.ZeroPadding2D(0)),
    )
    return layers[draw.integers(len(layers))](maps)


def _unknown(maps: Any, draw: Draw) -> Any:
    """Apply what no channel may be taken from."""
    channels = maps.shape[-1]
    layers = (
        *(L.LayerNormalization(), L.Softmax(), L.Activation("softmax")),
        *(L.Rescaling([1.0] * channels, 0.0), L.Conv2D(2 * channels, 1, groups=channels)),
    )
    return layers[draw.integers(len(layers))](maps)


PIECES: tuple[Piece, ...] = (
    *(_conv, _normalized, _residual, _depthwise, _separable, _squeezed, _attended, _skipped, _branches),
    *(_twice, _values, _unknown),
)


def random_graph(seed: int, pieces: int = 5) -> Any:
    """Return a Keras model of so many pieces after a convolution; each begins with another."""
    draw = np.random.default_rng(seed)
    image = keras.Input((8, 8, 2))
    maps = _conv(image, draw)
    for piece in (PIECES[seed % len(PIECES)], *draw.choice(np.array(PIECES), pieces - 1)):
        maps = piece(maps, draw)
    layers = [L.MaxPooling2D(4), L.Flatten()] if draw.integers(2) else [L.GlobalAveragePooling2D()]
    features = maps
    for layer in layers:
        features = layer(features)
    features = L.BatchNormalization()(L.Dense(6, activation="relu")(features))
    return keras.Model(image, L.Dense(3, activation="softmax")(features))


def _block(maps: Any, filters: int, strides: int) -> Any:
    deep = L.Conv2D(filters, 3, strides, padding="same", use_bias=False)(maps)
    deep = L.ReLU()(L.BatchNormalization()(deep))
    deep = L.BatchNormalization()(L.Conv2D(filters, 3, padding="same", use_bias=False)(deep))
    if strides > 1:
        maps = L.Conv2D(filters, 1, strides, padding="same")(maps)
    return L.ReLU()(L.Add()([maps, deep]))


def _resnet8() -> Any:
    image = keras.Input((16, 16, 3))
    maps = L.ReLU()(L.BatchNormalization()(L.Conv2D(8, 3, padding="same")(image)))
    for filters, strides in ((8, 1), (16, 2), (32, 2)):
        maps = _block(maps, filters, strides)
    features = L.Flatten()(L.AveragePooling2D(4)(maps))
    return keras.Model(image, L.Dense(10, activation="softmax")(features))


def _ds_cnn() -> Any:
    image = keras.Input((25, 10, 1))
    maps = L.ReLU()(L.BatchNormalization()(L.Conv2D(16, (10, 4), 2, padding="same")(image)))
    for _ in range(3):
        maps = L.ReLU()(L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same")(maps)))
        maps = L.ReLU()(L.BatchNormalization()(L.Conv2D(16, 1)(maps)))
    features = L.Flatten()(L.AveragePooling2D((13, 5))(L.Dropout(0.4)(maps)))
    return keras.Model(image, L.Dense(12, activation="softmax")(features))


def _mobilenet(version: str) -> Any:
    build = getattr(keras.applications, version)
    return build((32, 32, 3), 0.35 if version == "MobileNetV2" else 0.25, weights=None, classes=5)


NETWORKS: dict[str, Callable[[], Any]] = {
    "resnet8": _resnet8,
    "ds-cnn": _ds_cnn,
    "mobilenet-v1": lambda: _mobilenet("MobileNet"),
    "mobilenet-v2": lambda: _mobilenet("MobileNetV2"),
}
