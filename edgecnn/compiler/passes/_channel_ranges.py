# SPDX-License-Identifier: Apache-2.0
"""Which values each channel of each tensor can take, whatever the input is: interval arithmetic."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, ops, quant
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops._linear import LINEAR_AXES, Linear

# Ops each of whose channels depends on the same channel of the inputs only: value by value, ...
_LOOKUPS = (
    *("ABS", "ELU", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "QUANTIZE"),
    *("RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "TANH"),
)
# or linear, or only rising, in each of its inputs, ...
_CORNERED = ("ADD", "MAXIMUM", "MEAN", "MINIMUM", "MUL", "REDUCE_MAX", "REDUCE_MIN", "SUB", "SUM")
_RESIZING = ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")  # means lie between what they are taken of
# or as `_range` says
_CHANNELWISE = (*_LOOKUPS, *_CORNERED, *_RESIZING, "AVERAGE_POOL_2D", "MAX_POOL_2D", "PAD")


@dataclass(frozen=True, eq=False)
class Range:
    """The smallest and the largest value of each channel, int64[channels]."""

    low: quant.Int64s
    high: quant.Int64s

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which channels can take one value only."""
        return np.asarray(self.low == self.high)


def channel_ranges(graph: Graph) -> dict[int, Range]:
    """Return the range of every tensor of a graph whose tensors are (1, rows, columns, channels)."""
    ranges = {i: _any(graph.tensors[i]) for i in graph.inputs}
    for operator in graph.operators:
        ranges[operator.outputs[0]] = _range(
            graph, operator, [ranges[i] for i in operator.inputs if i in ranges]
        )
    return ranges


def reads_padding(graph: Graph, operator: Operator) -> bool:
    """Tell whether a convolution's windows reach into padding anywhere."""
    if operator.op == "FULLY_CONNECTED":
        return False
    filter_h, filter_w = graph.input(operator, 1).shape[1:3]
    source, made = graph.input(operator, 0).shape, graph.output(operator).shape
    axes = geometry.axes(
        geometry.options(graph, operator, geometry.Dilated), (filter_h, filter_w), source, made
    )
    return any(
        axis.pad > 0 or axis.start(count - 1) + axis.extent > length
        for axis, count, length in zip(axes, made[1:3], source[1:3], strict=True)
    )


def channelwise(graph: Graph, operator: Operator) -> bool:
    """Tell whether each channel of what an operator makes is computed from the same channel of its inputs."""
    images = [graph.tensors[i] for i in operator.inputs if graph.tensors[i].dtype in geometry.INT8_OR_INT16]
    made = graph.output(operator).shape[3]
    return operator.op in _CHANNELWISE and all(
        image.data is None and image.shape[3] == made for image in images
    )


def joins_channels(operator: Operator) -> bool:
    """Tell whether the channels of what an operator makes are those of its inputs, side by side."""
    return operator.op == "CONCATENATION" and getattr(operator.options, "axis", 0) == -1


def _any(tensor: Tensor) -> Range:
    low, high = (np.full(tensor.shape[3], end, np.int64) for end in quant.limits(tensor.dtype))
    return Range(low, high)


def _range(graph: Graph, operator: Operator, inputs: list[Range]) -> Range:
    made = graph.output(operator)
    if operator.op in LINEAR_AXES:
        return _linear(graph, operator, inputs[0])
    if joins_channels(operator):
        return Range(*(np.concatenate([getattr(one, end) for one in inputs]) for end in ("low", "high")))
    return _channel_by_channel(graph, operator, inputs) if channelwise(graph, operator) else _any(made)


def _channel_by_channel(graph: Graph, operator: Operator, inputs: list[Range]) -> Range:
    """Return the range of what an op makes of each channel by itself."""
    if operator.op in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        low, high = geometry.clamp_range(graph, operator)
        return Range(np.clip(inputs[0].low, low, high), np.clip(inputs[0].high, low, high))
    if operator.op == "PAD":
        zero_point = geometry.quantization_of(graph.output(operator)).zero_point
        return Range(np.minimum(inputs[0].low, zero_point), np.maximum(inputs[0].high, zero_point))
    if operator.op in _RESIZING:
        return inputs[0]
    if operator.op in _LOOKUPS:
        return _lookup(graph, operator, inputs[0])
    return _cornered(graph, operator, inputs)


def _lookup(graph: Graph, operator: Operator, source: Range) -> Range:
    if graph.input(operator, 0).dtype != "int8":  # too many values to try them all
        return _any(graph.output(operator))
    every = np.arange(quant.INT8_MIN, quant.INT8_MAX + 1)
    made = ops.require(graph, operator).reference(graph, operator, [every.astype(np.int8)]).astype(np.int64)
    possible = (source.low[:, np.newaxis] <= every) & (every <= source.high[:, np.newaxis])
    low = np.where(possible, made, made.max()).min(axis=1)
    return Range(low, np.where(possible, made, made.min()).max(axis=1))


def _cornered(graph: Graph, operator: Operator, inputs: list[Range]) -> Range:
    """Return the range of an op that is linear, or only rises, in each of its inputs."""
    reference, dtype = ops.require(graph, operator).reference, graph.output(operator).dtype
    shapes = [graph.tensors[i].shape for i in operator.inputs[: len(inputs)]]
    corners = []
    for ends in product(*((one.low, one.high) for one in inputs)):
        images = [np.broadcast_to(end.astype(dtype), shape) for end, shape in zip(ends, shapes, strict=True)]
        made = reference(graph, operator, images)
        corners.append(made.reshape(-1, made.shape[-1])[0].astype(np.int64))
    return Range(np.min(corners, axis=0), np.max(corners, axis=0))


def _linear(graph: Graph, operator: Operator, source: Range) -> Range:
    linear = Linear.of(graph, operator, LINEAR_AXES[operator.op])
    least, most = _products(graph, operator, linear, source)
    if reads_padding(graph, operator):  # there a product is 0
        least, most = np.minimum(least, 0), np.maximum(most, 0)
    axes = tuple(axis for axis in range(least.ndim) if axis != linear.channel_axis)
    least, most = least.sum(axis=axes) + linear.bias, most.sum(axis=axes) + linear.bias
    ends = [linear.requantize(end).astype(np.int64) for end in (least, most)]
    sure = linear.reach(np.maximum(np.abs(least), np.abs(most))) <= quant.INT32_MAX
    low, high = linear.activation_min, linear.activation_max
    return Range(np.where(sure, ends[0], low), np.where(sure, ends[1], high))


def _products(
    graph: Graph, operator: Operator, linear: Linear, source: Range
) -> tuple[quant.Int64s, quant.Int64s]:
    """Return the least and the largest product of each weight with what it can meet."""
    weights = linear.weights.astype(np.int64)
    low, high = source.low - linear.input_zero_point, source.high - linear.input_zero_point
    if operator.op == "DEPTHWISE_CONV_2D":
        low, high = (np.repeat(end, weights.shape[3] // end.size) for end in (low, high))
    elif operator.op == "FULLY_CONNECTED":
        low, high = (np.tile(end, weights.shape[1] // end.size) for end in (low, high))
    return np.minimum(weights * low, weights * high), np.maximum(weights * low, weights * high)
