# SPDX-License-Identifier: Apache-2.0
"""Pools over windows and over whole images, and the reductions that are the same."""

from collections.abc import Callable
from typing import Any

from edgecnn.compiler.reading.onnx.windows import Window, windows
from edgecnn.converters.onnx_ops._node import Node, row
from edgecnn.converters.onnx_ops._tensor import Tensor
from edgecnn.converters.onnx_ops._windows import thinned, zero_padded
from edgecnn.errors import ModelError
from edgecnn.models._layers import ChannelMax, ChannelMean
from edgecnn.tf import keras, tf

L = keras.layers
# Of values from 0 up these make values from 0 up.
_KEEPS = (
    L.MaxPooling2D, L.AveragePooling2D, L.GlobalMaxPooling2D, L.GlobalAveragePooling2D, L.ZeroPadding2D,
    L.Cropping2D, L.UpSampling2D, L.Concatenate, L.Add, L.Multiply, L.Reshape, L.Permute,
)  # fmt: skip
_POOLS = {"ReduceMean": L.GlobalAveragePooling2D, "ReduceMax": L.GlobalMaxPooling2D}
_OF_CHANNELS: dict[str, Any] = {"ReduceMean": ChannelMean, "ReduceMax": ChannelMax}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ReduceMean": tf.math.reduce_mean, "ReduceMax": tf.math.reduce_max, "ReduceMin": tf.math.reduce_min,
    "ReduceSum": tf.math.reduce_sum,
}  # fmt: skip


@row("MaxPool")
def max_pool(node: Node) -> Tensor:
    """Make a MaxPooling2D; padding, which has no value here, is zeros where no value lies below."""
    if node.outputs > 1:
        raise ModelError("it gives the places of the largest values, too; allowed are the values alone")
    image, rows, columns = _windows(node)
    make = _counting if _is_positive(image.keras) else _ignoring
    return node.of(make(node, L.MaxPooling2D, image.keras, rows, columns), image)


@row("AveragePool")
def average_pool(node: Node) -> Tensor:
    """Make an AveragePooling2D, which leaves padding out of the count; zeros where it is counted."""
    image, rows, columns = _windows(node)
    counted = node.get("count_include_pad", 0)
    if counted and any(window.end > window.declared for window in (rows, columns)):
        raise ModelError("it has ceil_mode and count_include_pad; allowed is one of both")
    make = _counting if counted else _ignoring
    return node.of(make(node, L.AveragePooling2D, image.keras, rows, columns), image)


def _windows(node: Node) -> tuple[Tensor, Window, Window]:
    image, kernel = node.image(), node.get("kernel_shape", [])
    if len(kernel) != 2 or max(node.get("dilations", [1])) > 1:
        raise ModelError(
            "its windows are not 2-D, or dilated; allowed are kernel_shape [h, w], strides, pads"
        )
    return image, *windows(node, image.shape[2:], tuple(kernel))


def _counting(node: Node, kind: Any, tensor: Any, rows: Window, columns: Window) -> Any:
    """Pool where padding counts as zeros."""
    padded = zero_padded(node, tensor, rows, columns)
    return kind((rows.reach, columns.reach), (rows.stride, columns.stride), name=node.name)(padded)


def _ignoring(node: Node, kind: Any, tensor: Any, rows: Window, columns: Window) -> Any:
    """Pool where padding doesn't count.

    Keras pads as SAME does, or not at all. Other windows are among those that SAME has with the stride 1, of
    which every so manieth row and column is taken.
    """
    kernel, strides = (rows.reach, columns.reach), (rows.stride, columns.stride)
    if rows.pads == columns.pads == (0, 0):
        return kind(kernel, strides, name=node.name)(tensor)
    if rows.is_same and columns.is_same:
        return kind(kernel, strides, "same", name=node.name)(tensor)
    cuts = [_cut(window) for window in (rows, columns)]
    tensor = kind(kernel, 1, "same", name=node.name)(tensor)
    if cuts != [(0, 0), (0, 0)]:
        tensor = L.Cropping2D(cuts, name=node.aside("cut"))(tensor)
    return thinned(node, tensor, strides)


def _cut(window: Window) -> tuple[int, int]:
    """Return how many of the windows that begin one pixel apart lie before the first, and behind the last."""
    first = (window.reach - 1) // 2 - window.begin
    last = first + (window.outputs - 1) * window.stride
    if first < 0 or last >= window.side:
        raise ModelError(
            f"it pads {window.pads} pixels for windows of {window.reach}; allowed is less than half of that, "
            "or any behind a Relu"
        )
    return first, window.side - 1 - last


def _is_positive(tensor: Any) -> bool:
    """Say whether no value of a Keras tensor is below 0."""
    unknown, seen = [tensor], set[int]()
    while unknown:
        tensor = unknown.pop()
        history = tensor._keras_history
        if id(tensor) in seen or _makes_positive(history.layer):
            continue
        if not isinstance(history.layer, _KEEPS):
            return False
        seen.add(id(tensor))  # what is taken twice is looked at once
        unknown += history.layer.inbound_nodes[history.node_index].keras_inputs
    return True


def _makes_positive(layer: Any) -> bool:
    if isinstance(layer, L.ReLU):
        return not layer.negative_slope
    return getattr(getattr(layer, "activation", None), "__name__", "") in ("sigmoid", "softmax")


@row("GlobalAveragePool")
def global_average_pool(node: Node) -> Tensor:
    """Make a GlobalAveragePooling2D."""
    image = node.image()
    return node.of(L.GlobalAveragePooling2D(keepdims=True, name=node.name)(image.keras), image)


@row("GlobalMaxPool")
def global_max_pool(node: Node) -> Tensor:
    """Make a GlobalMaxPooling2D."""
    image = node.image()
    return node.of(L.GlobalMaxPooling2D(keepdims=True, name=node.name)(image.keras), image)


@row(*_FUNCTIONS)
def reduction(node: Node) -> Tensor:
    """Make a global pool, the mean over channels or the like; else a function of TensorFlow."""
    tensor, axes = node.channels_last(), node.integers("axes", 1)
    if not axes and node.get("noop_with_empty_axes", 0):
        return tensor
    axes = sorted({axis % tensor.rank for axis in axes}) if axes else list(range(tensor.rank))
    if 0 in axes:
        raise ModelError("it reduces over the batch; allowed are other axes")
    reduced = node.of(_reduced(node, tensor, axes), tensor)
    if node.get("keepdims", 1):
        return reduced
    return node.shaped(reduced, [side for axis, side in enumerate(reduced.shape) if axis not in axes])


def _reduced(node: Node, tensor: Tensor, axes: list[int]) -> Any:
    if tensor.rank == 4 and axes == [2, 3] and node.op in _POOLS:
        return _POOLS[node.op](keepdims=True, name=node.name)(tensor.keras)
    if tensor.rank == 4 and axes == [1] and node.op in _OF_CHANNELS:
        return _OF_CHANNELS[node.op](name=node.name)(tensor.keras)
    places = [tensor.axis(axis) for axis in axes]
    return _FUNCTIONS[node.op](tensor.keras, places, keepdims=True, name=node.name)
