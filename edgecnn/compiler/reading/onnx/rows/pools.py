# SPDX-License-Identifier: Apache-2.0
"""Pools, and what is reduced over axes."""

from collections.abc import Sequence

import numpy as np

from edgecnn.compiler.reading.onnx.network import Quantized, Value, canonical
from edgecnn.compiler.reading.onnx.rows._node import Node, row
from edgecnn.compiler.reading.onnx.rows._windows import PADDINGS, over_images, padded, shape_of
from edgecnn.compiler.reading.onnx.rows.convolutions import convolved
from edgecnn.compiler.reading.onnx.windows import Window, windows
from edgecnn.errors import ModelError

_REDUCTIONS = {
    "ReduceMean": "MEAN",
    "ReduceSum": "SUM",
    "ReduceMax": "REDUCE_MAX",
    "ReduceMin": "REDUCE_MIN",
}


@row("MaxPool")
def max_pool(node: Node) -> Value:
    """Make a MAX_POOL_2D; what TensorFlow Lite can't leave out is padded with the lowest number."""
    if node.outputs > 1 or max(node.get("dilations", [1])) > 1:
        raise ModelError("it has dilations, or makes indices, too; allowed are the values alone")
    return over_images(node, lambda one: _pool(one, "MAX"))


@row("AveragePool")
def average_pool(node: Node) -> Value:
    """Make an AVERAGE_POOL_2D, which counts no padding; where that counts, a PAD before it."""
    if max(node.get("dilations", [1])) > 1:
        raise ModelError("it has dilations; allowed are windows without gaps")
    source, padded_ = node.network.quantization(node.value()), any(node.get("pads", [0]))
    own = node.wanted is not None and source.scale > node.wanted.scale and not padded_
    make = _mean_of_products if own else _mean
    return node.scaled(over_images(node, make))


def _mean(node: Node) -> Value:
    return _pool(node, "AVERAGE")


def _mean_of_products(node: Node) -> Value:
    """Make a convolution of each channel by ones, whose sums are rounded to the output's scale at once."""
    channels, kernel = node.moving().shape[1], node.get("kernel_shape")
    ones = np.ones((channels, 1, *kernel), np.int8)
    scale = np.array([1 / ones[0].size], np.float32)
    weights = Quantized(ones, scale, np.zeros(1, np.int64), 0)
    return convolved(node.but([node.moving(), weights], group=channels))


def _pool(node: Node, kind: str) -> Value:
    source, network, kernel = node.moving(), node.network, node.get("kernel_shape", [])
    if len(kernel) != 2:
        raise ModelError(f"it has kernel_shape {kernel}; one side for each of the image is needed")
    pair = rows, columns = windows(node, source.shape[2:], (kernel[0], kernel[1]))
    average, counted = kind == "AVERAGE", bool(node.get("count_include_pad", 0))
    if average:
        _check_mean(node, pair, counted=counted)
    image, padding = padded(
        network, network.ordered(source), pair, lowest=not average, same=not (average and counted)
    )
    made = network.tensor(shape_of(pair, source.shape[1]), network.quantization(source))
    options = {
        "padding": PADDINGS[padding],
        "stride_h": rows.stride,
        "stride_w": columns.stride,
        "filter_height": kernel[0],
        "filter_width": kernel[1],
        "fused_activation_function": 0,
    }
    network.add(f"{kind}_POOL_2D", (image,), made, **options)
    return network.value(made, pending=average or source.pending)


def _check_mean(node: Node, pair: tuple[Window, Window], *, counted: bool) -> None:
    """Check that padding is one that is counted, or that SAME leaves out."""
    pads = [side for window in pair for side in (window.begin, window.end)]
    beyond = any(window.end > window.declared for window in pair)
    if (counted and beyond) or (not counted and any(pads) and not all(window.is_same for window in pair)):
        raise ModelError(
            f"it leaves padding {pads} (top, bottom, left, right) out of means, as TFLite can't; set "
            "count_include_pad without ceil_mode, or pad as SAME_UPPER does"
        )


@row("GlobalAveragePool")
def global_average_pool(node: Node) -> Value:
    """Make a MEAN."""
    return _reduced(node, "MEAN", range(2, len(node.value().shape)), keep=True)


@row("GlobalMaxPool")
def global_max_pool(node: Node) -> Value:
    """Make a REDUCE_MAX."""
    return _reduced(node, "REDUCE_MAX", range(2, len(node.value().shape)), keep=True)


@row(*_REDUCTIONS)
def reduction(node: Node) -> Value:
    """Make a MEAN, SUM, REDUCE_MAX or REDUCE_MIN."""
    rank, axes = len(node.value().shape), node.integers("axes", 1)
    if not axes and node.get("noop_with_empty_axes", 0):
        return node.value()
    wanted = sorted({axis % rank for axis in axes or range(rank)})
    return _reduced(node, _REDUCTIONS[node.op], wanted, keep=bool(node.get("keepdims", 1)))


def _reduced(node: Node, op: str, axes: Sequence[int], *, keep: bool) -> Value:
    """Return what is made over some of ONNX's axes; `keep` leaves them, of one value each."""
    network, scales = node.network, op in ("MEAN", "SUM")
    source = node.value()
    if 0 in axes and source.shape[0] > 1:
        raise ModelError("it reduces over the batch; allowed are other axes")
    tensor, order = network.ordered(source), canonical(len(source.shape))
    positions = [order.index(axis) for axis in axes if axis]
    shape = [1 if at in positions else side for at, side in enumerate(network.tensors[tensor].shape)]
    lists = network.constant(np.array(positions, np.int32))
    made = network.tensor(shape, node.scaling if scales else network.quantization(source))
    value = network.value(network.add(op, (tensor, lists), made, keep_dims=True), pending=scales)
    value = value if scales else node.scaled(value)
    if keep:
        return value
    view = np.squeeze(network.numbers(value), tuple(axes))
    return Value(value.tensor, view.shape, (), view, value.pending)
