# SPDX-License-Identifier: Apache-2.0
"""Splits weights of nine bits, which remain of uint8 less a zero point, such that int8 holds them.

Mostly a single weight of a layer lies beyond int8. A sum of products stays the same where an input channel is
read twice and its weight is the sum of two: so a GATHER puts such channels behind the others once more, and
no kernel of a convolution knows of it. In a depthwise convolution a channel is read by its own filters alone;
there is a kernel for weights of 16 bits.
"""

from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, ops
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import _moving, gather
from edgecnn.compiler.traits import Channels

_MOST = 127  # of a split weight's magnitude: what every kernel takes


def split_weights(graph: Graph) -> Graph:
    """Return `graph` with weights of int8 only, but for those of depthwise convolutions."""
    tensors = list(graph.tensors)
    operators = [part for operator in graph.operators for part in _split(graph, operator, tensors)]
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))


def _split(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    layout = ops.layout(operator)
    if layout is None or ops.channels(graph, operator) is Channels.GROUPED:
        return [operator]
    weights, source = graph.input(operator, 1), operator.inputs[layout.source]
    if weights.dtype != "int16":
        return [operator]
    narrow, channels = _in_int8(geometry.constant(graph, operator, 1))
    tensors.append(replace(weights, shape=narrow.shape, dtype="int8", data=narrow))
    inputs, parts = list(operator.inputs), []
    inputs[1] = len(tensors) - 1
    shape = tensors[source].shape
    if shape[-1] != weights.shape[-1]:  # a matrix over a whole map
        shape = (1, 1, 1, prod(shape))
        flat = _moving.add_between(tensors, tensors[source], shape)
        parts.append(_moving.reshaped(operator, source, flat))
        source = flat
    between = _moving.add_between(tensors, tensors[source], (*shape[:-1], len(channels)))
    parts.append(gather.channels_of(source, channels, between, operator, tensors))
    inputs[layout.source] = between
    return [*parts, replace(operator, inputs=tuple(inputs))]


def _in_int8(weights: NDArray[np.generic]) -> tuple[NDArray[np.int8], list[int]]:
    """Return weights with more channels along their last axis, and which channel of the input each reads."""
    left = weights.astype(np.int64)
    parts, channels = [], list(range(weights.shape[-1]))
    taken = np.arange(weights.shape[-1])
    while taken.size:
        parts.append(np.clip(left[..., taken], -_MOST, _MOST))
        left[..., taken] -= parts[-1]
        taken = np.flatnonzero(left.reshape(-1, left.shape[-1]).any(axis=0))
        channels += taken.tolist()
    return np.concatenate(parts, axis=-1).astype(np.int8), channels
