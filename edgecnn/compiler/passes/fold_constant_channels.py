# SPDX-License-Identifier: Apache-2.0
"""Removes channels that are constant: filters that never leave the clamp, or whose weights are all zero.

What such a channel adds to the next layer's sums is added to the bias there, and its taps go. That is
exact where the constant is the zero point, or where no window of the reader touches padding; other
channels stay.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.channel_ranges import Range, channel_ranges, reads_padding
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.linear import Linear

Kept = dict[int, NDArray[np.bool_]]

_FOLDING = ("CONV_2D", "FULLY_CONNECTED")  # may lose inputs without losing outputs
_PER_CHANNEL = ("MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN", "ADD", "PAD", "LOGISTIC", "QUANTIZE")


def fold_constant_channels(graph: Graph) -> Graph:
    """Return `graph` without the channels that are constant and can be folded into what reads them."""
    ranges = channel_ranges(graph)
    kept = _kept(graph, ranges)
    if all(channels.all() for channels in kept.values()):
        return graph
    tensors = list(graph.tensors)
    for number, channels in kept.items():
        shape = tensors[number].shape
        tensors[number] = replace(tensors[number], shape=(*shape[:3], int(channels.sum())))
    operators = tuple(_without(graph, operator, ranges, kept, tensors) for operator in graph.operators)
    return replace(graph, tensors=tuple(tensors), operators=operators)


def _kept(graph: Graph, ranges: Mapping[int, Range]) -> Kept:
    """Return which channels of each tensor stay: the fewest that every operator can do with."""
    kept = {number: ~found.constant for number, found in ranges.items()}
    for number in (*graph.inputs, *graph.outputs):
        kept[number][:] = True
    while True:
        before = {number: channels.copy() for number, channels in kept.items()}
        for operator in graph.operators:
            _restrict(graph, operator, ranges, kept)
        for channels in kept.values():
            channels[0] |= not channels.any()  # a tensor of no channels has no kernel
        if all((kept[number] == channels).all() for number, channels in before.items()):
            return kept


def _restrict(graph: Graph, operator: Operator, ranges: Mapping[int, Range], kept: Kept) -> None:
    """Keep what an operator can't do without."""
    made = operator.outputs[0]
    sources = [i for i in operator.inputs if i in kept]
    if operator.op in _FOLDING:
        if reads_padding(graph, operator):
            zero_point = geometry.quantization_of(graph.input(operator, 0)).zero_point
            kept[sources[0]] |= ranges[sources[0]].low != zero_point
    elif operator.op == "DEPTHWISE_CONV_2D":
        groups = kept[made].reshape(kept[sources[0]].size, -1)
        kept[sources[0]] |= groups.any(axis=1)
        groups |= kept[sources[0]][:, np.newaxis]
    elif operator.op in _PER_CHANNEL:
        together = np.logical_or.reduce([kept[i] for i in (made, *sources)])
        for i in (made, *sources):
            kept[i][:] = together
    else:
        for i in (made, *sources):
            kept[i][:] = True


def _without(
    graph: Graph, operator: Operator, ranges: Mapping[int, Range], kept: Kept, tensors: list[Tensor]
) -> Operator:
    """Return an operator over what is kept; its weights and bias are appended to `tensors`."""
    source, made = kept.get(operator.inputs[0]), kept[operator.outputs[0]]
    if source is None or operator.op not in (*_FOLDING, "DEPTHWISE_CONV_2D") or (source.all() and made.all()):
        return operator
    axis = 3 if operator.op == "DEPTHWISE_CONV_2D" else 0
    linear = Linear.of(graph, operator, axis)
    bias, weights = linear.bias, linear.weights
    if operator.op in _FOLDING:
        taken = source if operator.op == "CONV_2D" else np.tile(source, weights.shape[1] // source.size)
        values = np.tile(ranges[operator.inputs[0]].low - linear.input_zero_point, taken.size // source.size)
        # Along the last axis: OHWI for a filter, [out][in] for a matrix.
        constant = weights[..., ~taken].astype(np.int64) @ values[~taken]
        bias = bias + constant.reshape(bias.size, -1).sum(axis=1)
        weights = weights[..., taken]
    first = len(tensors)
    tensors += _parameters(graph, operator, np.compress(made, weights, axis), quant.wrap(bias)[made], made)
    return replace(operator, inputs=(operator.inputs[0], first, first + 1))


def _parameters(
    graph: Graph,
    operator: Operator,
    weights: NDArray[np.int8],
    bias: quant.Int64s,
    made: NDArray[np.bool_],
) -> list[Tensor]:
    """Return the tensors of weights and bias that remain, with the scales that belong to them."""
    before = graph.input(operator, 1)
    scales = geometry.quantization_of(before)
    if scales.per_channel:
        scales = replace(
            scales,
            scales=tuple(np.compress(made, scales.scales).tolist()),
            zero_points=tuple(np.compress(made, scales.zero_points).tolist()),
        )
    name = f"{before.name}, constant channels folded"
    return [
        Tensor(name, weights.shape, "int8", scales, np.ascontiguousarray(weights)),
        Tensor(f"{name}: bias", bias.shape, "int32", None, bias.astype(np.int32)),
    ]
