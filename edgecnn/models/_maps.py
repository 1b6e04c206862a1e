# SPDX-License-Identifier: Apache-2.0
"""A network over windows, (length, channels), or rows, as one over maps of height 1, which can be compressed.

The toolkit prunes and quantizes layers of two dimensions, and the compiler computes maps; so each tensor
(n, length, channels) becomes (n, 1, length, channels), and each layer its twin of two dimensions.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from edgecnn.errors import ModelError
from edgecnn.models import map_shape
from edgecnn.models._layers import Clip
from edgecnn.models._rebuild import rebuild
from edgecnn.models._twins import twins
from edgecnn.tf import keras, tf

L = keras.layers
# What computes the same whatever stands before the last axis, with no axis or size to be told.
_SAME = (
    L.Activation, L.ReLU, L.LeakyReLU, L.ELU, L.ThresholdedReLU, L.Rescaling, L.Dropout, L.GaussianNoise,
    L.GaussianDropout, L.Dense, L.Flatten, L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum,
    Clip,
)  # fmt: skip


def as_maps(flat: Any) -> Any:
    """Return a flat Keras 2 model over maps that computes the same as one over windows, rows or maps.

    Raises:
        ModelError: a layer has no twin of two dimensions.
    """
    sides = flat.input_shape[1:]
    shape = map_shape(sides)
    if len(sides) == 3:
        return flat

    def begin(image: Any) -> list[Any]:
        return [image if len(sides) == 2 else L.Reshape(sides)(image)]

    return rebuild(flat, _on_maps, begin, shape)


def _on_maps(layer: Any, name: str) -> Sequence[Any]:
    """Return what does on maps what a layer does on windows."""
    ranks = {tensor.shape.rank for tensor in tf.nest.flatten([layer.input, layer.output])}
    if 3 not in ranks:
        return twins(layer, name)
    if type(layer) in _SAME or not layer.get_config().keys() - {"name", "trainable", "dtype"}:
        return twins(layer, name)
    for kind, make in _TWINS.items():
        if type(layer) is kind:
            return make(layer, {**layer.get_config(), "name": name})
    raise ModelError(
        f'layer "{layer.name}" ({type(layer).__name__}) works on windows of one dimension, and has no twin '
        "of two, as pruning and quantizing need; use convolutions and pools over time"
    )


def _convolution(kind: Any) -> Callable[[Any, dict[str, Any]], Sequence[Any]]:
    """Return what makes of a convolution over windows one over maps of height 1."""

    def make(layer: Any, config: dict[str, Any]) -> Sequence[Any]:
        config = {name: value for name, value in config.items() if name != "groups" or kind is L.Conv2D}
        return _placed(kind, config, layer.input_shape, layer.get_weights())

    return make


def _placed(kind: Any, config: dict[str, Any], shape: Sequence[Any], weights: Sequence[Any]) -> Sequence[Any]:
    """Return a convolution as it is over windows of a shape, with such weights, and what pads for it."""
    [stride], [dilation] = config["strides"], config["dilation_rate"]
    padding, before = config["padding"], []
    if padding == "causal":
        reach = dilation * (config["kernel_size"][0] - 1)
        before = [_built(L.ZeroPadding2D(((0, 0), (reach, 0)), name=f"{config['name']}_causal"))]
        padding = "valid"
    sizes = {
        "kernel_size": (1, *config["kernel_size"]),
        "strides": (stride, stride),  # a map of height 1 stays one
        "dilation_rate": (1, dilation),
        "padding": padding,
        "data_format": "channels_last",
    }
    twin = kind.from_config(config | sizes)
    twin.build((None, 1, *shape[1:]))
    twin.set_weights([weight[np.newaxis] if weight.ndim == 3 else weight for weight in weights])
    return [*before, twin]


def _separable(layer: Any, config: dict[str, Any]) -> Sequence[Any]:
    """Return a convolution of each channel by itself, and one of one tap, as which it is trained in int8."""
    depthwise, pointwise, *bias = layer.get_weights()
    name, length = config["name"], layer.input_shape[1]
    own = {option: config[option] for option in ("kernel_size", "strides", "padding", "dilation_rate")}
    own |= {"name": f"{name}_depthwise", "depth_multiplier": config["depth_multiplier"], "use_bias": False}
    first = _placed(L.DepthwiseConv2D, own, layer.input_shape, [depthwise])
    options = {"filters": config["filters"], "activation": config["activation"], "use_bias": bool(bias)}
    last = L.Conv2D.from_config({"kernel_size": 1, "name": name, **options})
    last.build((None, 1, length, pointwise.shape[1]))
    last.set_weights([pointwise[np.newaxis], *bias])
    return [*first, last]


def _built(layer: Any) -> Any:
    """Return a layer without weights, marked as one that gets none."""
    layer.built = True
    return layer


def _pool(kind: Any) -> Callable[[Any, dict[str, Any]], Sequence[Any]]:
    def make(layer: Any, config: dict[str, Any]) -> Sequence[Any]:
        size, stride = (np.ravel(config[option])[0].item() for option in ("pool_size", "strides"))
        return [kind((1, size), (1, stride), config["padding"], name=config["name"])]

    return make


def _global_pool(kind: Any) -> Callable[[Any, dict[str, Any]], Sequence[Any]]:
    def make(layer: Any, config: dict[str, Any]) -> Sequence[Any]:
        return [kind(keepdims=config["keepdims"], name=config["name"])]

    return make


def _sides(kind: Any, option: str) -> Callable[[Any, dict[str, Any]], Sequence[Any]]:
    """Return what makes a layer that adds or cuts moments; `option` is what its configuration calls them."""

    def make(layer: Any, config: dict[str, Any]) -> Sequence[Any]:
        return [kind(((0, 0), tuple(config[option])), name=config["name"])]

    return make


def _upsampling(layer: Any, config: dict[str, Any]) -> Sequence[Any]:
    return [L.UpSampling2D((1, int(config["size"])), name=config["name"])]


def _axis(kind: Any) -> Callable[[Any, dict[str, Any]], Sequence[Any]]:
    """Return what makes a layer that works along an axis, or several, of a map that has one more."""

    def make(layer: Any, config: dict[str, Any]) -> Sequence[Any]:
        axis = config["axis"]
        moved = [_moved(one) for one in axis] if isinstance(axis, list | tuple) else _moved(axis)
        return [kind.from_config({**config, "axis": moved})]

    return make


def _moved(axis: int) -> int:
    return axis + 1 if axis > 0 else axis


def _prelu(layer: Any, config: dict[str, Any]) -> Sequence[Any]:
    shared = [1, *(axis + 1 for axis in config["shared_axes"] or [])]
    twin = L.PReLU(shared_axes=shared, name=config["name"])
    twin.build((None, 1, *layer.input_shape[1:]))
    twin.set_weights([weight[np.newaxis] for weight in layer.get_weights()])
    return [twin]


def _spatial_dropout(layer: Any, config: dict[str, Any]) -> Sequence[Any]:
    return [L.SpatialDropout2D(config["rate"], name=config["name"])]


def _reshape(layer: Any, config: dict[str, Any]) -> Sequence[Any]:
    sides = layer.output_shape[1:]
    return [L.Reshape((1, *sides) if len(sides) == 2 else sides, name=config["name"])]


def _permute(layer: Any, config: dict[str, Any]) -> Sequence[Any]:
    return [L.Permute((1, *(axis + 1 for axis in config["dims"])), name=config["name"])]


_TWINS: Mapping[Any, Callable[[Any, dict[str, Any]], Sequence[Any]]] = {
    L.Conv1D: _convolution(L.Conv2D),
    L.SeparableConv1D: _separable,
    L.DepthwiseConv1D: _convolution(L.DepthwiseConv2D),
    L.MaxPooling1D: _pool(L.MaxPooling2D),
    L.AveragePooling1D: _pool(L.AveragePooling2D),
    L.GlobalMaxPooling1D: _global_pool(L.GlobalMaxPooling2D),
    L.GlobalAveragePooling1D: _global_pool(L.GlobalAveragePooling2D),
    L.ZeroPadding1D: _sides(L.ZeroPadding2D, "padding"),
    L.Cropping1D: _sides(L.Cropping2D, "cropping"),
    L.UpSampling1D: _upsampling,
    L.BatchNormalization: _axis(L.BatchNormalization),
    L.LayerNormalization: _axis(L.LayerNormalization),
    L.Softmax: _axis(L.Softmax),
    L.Concatenate: _axis(L.Concatenate),
    L.PReLU: _prelu,
    L.SpatialDropout1D: _spatial_dropout,
    L.Reshape: _reshape,
    L.Permute: _permute,
}
