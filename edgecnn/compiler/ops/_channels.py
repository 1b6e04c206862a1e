# SPDX-License-Identifier: Apache-2.0
"""What ops say of channels that they compute one by one: which those are, and the values that come out."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from edgecnn.compiler import geometry, ops, quant
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.traits import Channels, Range


def same(graph: Graph, operator: Operator) -> Channels:
    """Say whether an operator makes each channel of the same one of its inputs, which all have as many."""
    images = [graph.tensors[i] for i in operator.inputs if graph.tensors[i].dtype in geometry.INT8_OR_INT16]
    channels = graph.output(operator).shape[3]
    alike = all(image.data is None and image.shape[3] == channels for image in images)
    return Channels.SAME if alike else Channels.MIXED


def everything(tensor: Tensor) -> Range:
    """Return all that the type of a tensor can hold."""
    low, high = (np.full(tensor.shape[3], end, np.int64) for end in quant.limits(tensor.dtype))
    return Range(low, high)


def looked_up(graph: Graph, operator: Operator, inputs: Sequence[Range]) -> Range:
    """Return what a function of one value makes, by trying it on all of int8."""
    if graph.input(operator, 0).dtype != "int8":  # too many values to try them all
        return everything(graph.output(operator))
    source, every = inputs[0], np.arange(quant.INT8_MIN, quant.INT8_MAX + 1)
    output = ops.require(graph, operator).reference(graph, operator, [every.astype(np.int8)]).astype(np.int64)
    possible = (source.low[:, np.newaxis] <= every) & (every <= source.high[:, np.newaxis])
    low = np.where(possible, output, output.max()).min(axis=1)
    return Range(low, np.where(possible, output, output.min()).max(axis=1))


def cornered(graph: Graph, operator: Operator, inputs: Sequence[Range]) -> Range:
    """Return what an op makes that is linear, or only rises, in each of its inputs."""
    reference, dtype = ops.require(graph, operator).reference, graph.output(operator).dtype
    shapes = [graph.tensors[i].shape for i in operator.inputs[: len(inputs)]]
    corners = []
    for ends in product(*((values.low, values.high) for values in inputs)):
        images = [np.broadcast_to(end.astype(dtype), shape) for end, shape in zip(ends, shapes, strict=True)]
        output = reference(graph, operator, images)
        corners.append(output.reshape(-1, output.shape[-1])[0].astype(np.int64))
    return Range(np.min(corners, axis=0), np.max(corners, axis=0))


def clamped(graph: Graph, operator: Operator, inputs: Sequence[Range]) -> Range:
    """Return what an op makes that chooses among the values of a channel, or takes means, and clamps."""
    low, high = geometry.clamp_range(graph, operator)
    return Range(np.clip(inputs[0].low, low, high), np.clip(inputs[0].high, low, high))


def unchanged(graph: Graph, operator: Operator, inputs: Sequence[Range]) -> Range:
    """Return what an op makes whose values lie between those that it reads."""
    return inputs[0]
