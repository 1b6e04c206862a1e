# SPDX-License-Identifier: Apache-2.0
"""Removes channels that nothing depends on: constant ones, and those whose every reader has taps of zero.

A channel is constant where its filter never leaves the clamp, or has weights of zero only. What it adds to
the next layer's sums is added to the bias there, and its taps go. That is exact where the constant is the
zero point, or where no window of the reader touches padding; others stay, and `merge_constant_channels` has
made them few.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, ops
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops._linear import Linear, with_parameters
from edgecnn.compiler.passes._channel_ranges import channel_ranges
from edgecnn.compiler.traits import Channels, Range

Kept = dict[int, NDArray[np.bool_]]


def fold_constant_channels(graph: Graph) -> Graph:
    """Return `graph` without the channels that nothing depends on."""
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
    """Return which channels of each tensor stay: what the caller sees, and what that is computed from."""
    kept = {number: np.zeros(values.low.size, bool) for number, values in ranges.items()}
    for number in (*graph.inputs, *graph.outputs):
        kept[number][:] = True
    while True:
        before = _count(kept)
        for operator in reversed(graph.operators):
            output = kept[operator.outputs[0]]
            output[0] |= not output.any()  # a tensor of no channels has no kernel
            _demand(graph, operator, ranges, kept)
        if _count(kept) == before:
            return kept


def _count(kept: Kept) -> int:
    return sum(int(channels.sum()) for channels in kept.values())


def _demand(graph: Graph, operator: Operator, ranges: Mapping[int, Range], kept: Kept) -> None:
    """Keep what an operator needs for what is kept of its output."""
    sources, output = [kept[i] for i in operator.inputs if i in kept], kept[operator.outputs[0]]
    depend = ops.channels(graph, operator)
    if depend is Channels.SUMMED:  # it may lose inputs without losing outputs
        sources[0] |= _read(graph, operator, ranges[operator.inputs[0]], output)
    elif depend is Channels.GROUPED:
        groups = output.reshape(sources[0].size, -1)
        sources[0] |= groups.any(axis=1)
        groups |= sources[0][:, np.newaxis]
    elif depend is Channels.JOINED:
        ends = np.cumsum([source.size for source in sources])[:-1]
        for channels, part in zip(sources, np.split(output, ends), strict=True):
            channels[:] |= part
            part[:] |= channels  # a view of what is made
    elif depend is Channels.SAME:
        together = np.logical_or.reduce([output, *sources])
        for channels in (output, *sources):
            channels[:] = together
    else:
        for channels in (output, *sources):
            channels[:] = True


def _read(graph: Graph, operator: Operator, source: Range, output: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the input channels on which what is kept of the output depends, other than by a bias."""
    filters = geometry.constant(graph, operator, 1)[output]
    tapped = filters.reshape(-1, source.low.size).any(axis=0)
    zero_point = geometry.quantization_of(graph.input(operator, 0)).zero_point
    folds = source.constant
    if ops.reads_padding(graph, operator):
        folds = folds & (source.low == zero_point)
    return np.asarray(tapped & ~folds)


def _without(
    graph: Graph, operator: Operator, ranges: Mapping[int, Range], kept: Kept, tensors: list[Tensor]
) -> Operator:
    """Return an operator over what is kept; its weights and bias are appended to `tensors`."""
    source, output = kept.get(operator.inputs[0]), kept[operator.outputs[0]]
    if source is None or ops.layout(operator) is None or (source.all() and output.all()):
        return operator
    linear = Linear.of(graph, operator)
    bias, weights = linear.bias, linear.weights
    if ops.channels(graph, operator) is Channels.SUMMED:
        taken = np.tile(source, weights.shape[-1] // source.size)
        values = np.tile(ranges[operator.inputs[0]].low - linear.input_zero_point, taken.size // source.size)
        # Along the last axis: OHWI for a filter, [out][in] for a matrix.
        constant = weights[..., ~taken].astype(np.int64) @ values[~taken]
        bias = bias + constant.reshape(bias.size, -1).sum(axis=1)
        weights = weights[..., taken]
    scales = geometry.quantization_of(graph.input(operator, 1))
    if scales.per_channel:
        of_kept = tuple(scale for scale, stays in zip(scales.scales, output, strict=True) if stays)
        scales = replace(scales, scales=of_kept, zero_points=(0,) * len(of_kept))
    weights = np.compress(output, weights, linear.channel_axis)
    return with_parameters(operator, tensors, weights, bias[output], scales)
