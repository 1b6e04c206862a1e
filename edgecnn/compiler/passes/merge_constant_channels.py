# SPDX-License-Identifier: Apache-2.0
"""Merges constant channels that a convolution with padding reads into a few, with weights that say the same.

Such a constant can't go into the bias as it is: a tap that lies in the padding does not add it. But what all
constant channels add at one tap is one number, the sum of w * (constant - zero point). Channels whose
constants are chosen, one a step above the zero point and some as far off as the clamp lets them, make every
such number with 8-bit weights, as digits do. No kernel knows of it, and no window costs a correction.

Only where that leaves fewer channels is anything changed; two suffice for most layers. The others, which
nobody reads then, are removed by `fold_constant_channels`.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, ops, quant
from edgecnn.compiler.ir import Graph, Operator, Quantization, Tensor
from edgecnn.compiler.ops._linear import Linear, with_parameters
from edgecnn.compiler.passes._channel_ranges import channel_ranges
from edgecnn.compiler.traits import Channels, Range

_MOST = 127  # of a weight's magnitude
_WEIGHTED = (Channels.SUMMED, Channels.GROUPED)


def merge_constant_channels(graph: Graph) -> Graph:
    """Return `graph` with fewer constant channels read where padding is read too."""
    for tensor, values in channel_ranges(graph).items():
        path, readers = _path(graph, tensor), graph.consumers(tensor)
        if path and readers and tensor not in graph.outputs and _all_may_change(graph, readers):
            graph = _merge(graph, tensor, values, path, readers)
    return graph


def _path(graph: Graph, tensor: int) -> list[Operator]:
    """Return the convolution that a tensor comes from and the pools between, or nothing if there is none."""
    path: list[Operator] = []
    maker = graph.producer(tensor)
    while maker is not None and ops.passes_constants(maker):
        path.insert(0, maker)
        tensor = maker.inputs[0]
        if tensor in graph.outputs or len(graph.consumers(tensor)) != 1:
            return []
        maker = graph.producer(tensor)
    return [maker, *path] if maker is not None and _is_convolution(graph, maker) else []


def _is_convolution(graph: Graph, operator: Operator) -> bool:
    return ops.channels(graph, operator) in _WEIGHTED and ops.axes(graph, operator) is not None


def _all_may_change(graph: Graph, readers: Sequence[Operator]) -> bool:
    """Tell whether weights stand between a tensor and all that is computed of it, and padding matters.

    Values of 16 bits are not for the digits that take their place.
    """
    if any(graph.output(reader).dtype != "int8" for reader in readers):
        return False
    return all(ops.channels(graph, reader) is Channels.SUMMED for reader in readers) and any(
        ops.reads_padding(graph, reader) for reader in readers
    )


def _merge(
    graph: Graph, tensor: int, values: Range, path: Sequence[Operator], readers: Sequence[Operator]
) -> Graph:
    zero_point = geometry.quantization_of(graph.tensors[tensor]).zero_point
    merged = np.flatnonzero(values.constant & (values.low != zero_point))
    farthest = _farthest(graph, path, zero_point)
    if merged.size < 2 or farthest == 0:
        return graph
    constants = (values.low - zero_point)[merged]
    digits = [_digits(_taps(graph, reader)[..., merged] @ constants, farthest) for reader in readers]
    count = max(digit.shape[-1] for digit in digits)
    if count >= merged.size:
        return graph
    offsets = np.array([np.sign(farthest)] + [farthest] * (count - 1))
    tensors = list(graph.tensors)
    maker = _with_constants(graph, path[0], tensors, merged[:count], offsets)
    if not _scaled_as_before(graph, path[0], replace(graph, tensors=tuple(tensors)), maker, merged):
        return graph
    changed = [maker]
    changed += [
        _with_taps(graph, reader, tensors, merged, digit)
        for reader, digit in zip(readers, digits, strict=True)
    ]
    by_output = {operator.outputs[0]: operator for operator in changed}  # parts of one have its number
    operators = tuple(by_output.get(operator.outputs[0], operator) for operator in graph.operators)
    return replace(graph, tensors=tuple(tensors), operators=operators)


def _farthest(graph: Graph, path: Sequence[Operator], zero_point: int) -> int:
    """Return how far from the zero point, up or down, a constant can be that no clamp on its way changes."""
    clamps = [geometry.clamp_range(graph, operator) for operator in path]
    down = max(low for low, _ in clamps) - zero_point
    up = min(high for _, high in clamps) - zero_point
    return max(down, up, key=abs) if down <= 0 <= up else 0


def _taps(graph: Graph, reader: Operator) -> quant.Int64s:
    """Return a reader's weights, int64[filters, positions of a window, input channels]."""
    weights = geometry.constant(graph, reader, 1)
    channels = graph.input(reader, 0).shape[3]
    return np.asarray(weights.reshape(len(weights), -1, channels), np.int64)


def _digits(total: quant.Int64s, farthest: int) -> quant.Int64s:
    """Return weights, last axis added, of the constants 1, `farthest`, `farthest`, ... that make `total`.

    With a negative `farthest` the first constant is -1.
    """
    size, wanted = abs(farthest), total * np.sign(farthest)
    if np.abs(wanted).max() <= _MOST:
        return np.asarray(wanted[..., np.newaxis])
    # As `farthest` is at most 255, what remains is between -127 and 127.
    quotient = (wanted + size // 2) // size
    digits = [wanted - quotient * size]
    while quotient.any():
        digits.append(np.clip(quotient, -_MOST, _MOST))
        quotient = quotient - digits[-1]
    return np.stack(digits, axis=-1)


def _with_constants(
    graph: Graph, operator: Operator, tensors: list[Tensor], taken: NDArray[np.int64], offsets: quant.Int64s
) -> Operator:
    """Return a convolution whose channels `taken` are the zero point plus `offsets`, whatever it reads."""
    linear, stored = Linear.of(graph, operator), geometry.quantization_of(graph.input(operator, 1))
    axis = linear.channel_axis
    weights, bias = np.moveaxis(linear.weights.copy(), axis, 0), linear.bias.copy()
    weights[taken], bias[taken] = 0, offsets
    before, output = graph.input(operator, 0), graph.output(operator)
    scales = np.array(stored.scales if stored.per_channel else stored.scales * bias.size)
    layout = ops.layout(operator)
    if layout is not None and layout.float32_scales and not stored.per_channel:
        # With one for each channel nothing is multiplied in float32 any more.
        of_input = geometry.quantization_of(before).scale
        scales[:] = float(np.float32(of_input) * np.float32(stored.scale)) / of_input
    # So that the multiplier is 1: the bias is what comes out.
    scales[taken] = geometry.quantization_of(output).scale / geometry.quantization_of(before).scale
    quantization = Quantization(tuple(scales.tolist()), (0,) * bias.size, axis)
    return with_parameters(operator, tensors, np.moveaxis(weights, 0, axis), bias, quantization)


def _scaled_as_before(
    before: Graph, operator: Operator, after: Graph, changed: Operator, merged: NDArray[np.int64]
) -> bool:
    """Tell whether a convolution's channels but the merged ones have the multipliers that they had."""
    old, new = Linear.of(before, operator), Linear.of(after, changed)
    others = np.delete(np.arange(old.bias.size), merged)
    return all(
        np.array_equal(getattr(old, name)[others], getattr(new, name)[others])
        for name in ("multiplier", "shift")
    )


def _with_taps(
    graph: Graph, reader: Operator, tensors: list[Tensor], merged: NDArray[np.int64], digits: quant.Int64s
) -> Operator:
    """Return a convolution whose taps on the first of `merged` are `digits`, and zero on the others."""
    linear, taps = Linear.of(graph, reader), _taps(graph, reader)
    taps[..., merged] = 0
    taps[..., merged[: digits.shape[-1]]] = digits
    weights = taps.astype(linear.weights.dtype).reshape(linear.weights.shape)
    scales = geometry.quantization_of(graph.input(reader, 1))
    return with_parameters(reader, tensors, weights, linear.bias, scales)
