# SPDX-License-Identifier: Apache-2.0
"""CONV_2D without SIMD: four channels times three positions."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import short_scale
from edgecnn.compiler.isa.scalar import packing
from edgecnn.compiler.kernel import Kernel, Line
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.conv_2d import CONV_2D
from edgecnn.compiler.steps import Step

KERNEL = CONV_2D.but(
    Line.plan("int16_t parts", "in which the filter's rows are taken: 1 or filter_h"),
    Line.plan("int16_t chunk", "taps at once: so few that sums stay within 21 bits"),
    short_scale.GENERAL_SCALE,
    Line.trained(
        "const int8_t *filter",
        "part after part, in each four channels after four, as kernel_dot_4x3 takes them",
    ),
    short_scale.BIASES_AND_MULTIPLIERS,
    isa="scalar",
    without="bias multiplier",
    sums=short_scale.IN_PAIRS,
)


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return the ways to take the filter at once and, where that needs less memory, row by row."""
    linear = Linear.of(graph, step.operator)
    return ways(step, linear, linear.weights)


def ways(step: Step, linear: Linear, weights: NDArray[np.int8], kernel: Kernel = KERNEL) -> tuple[Step, ...]:
    """Return the ways for a `step` with a convolution's parameters, and weights int8[channels, h, w, in]."""
    at_once, by_rows = (_way(step, linear, weights, kernel, parts) for parts in (1, weights.shape[1]))
    if by_rows.working >= at_once.working:
        return (at_once,)
    # Sums are kept from part to part as they are from chunk to chunk.
    return (at_once, by_rows) if _chunks(at_once) < _chunks(by_rows) else (by_rows,)


def _chunks(step: Step) -> int:
    """Return in how many parts sums are made, all in all."""
    parts, height, width, channels, chunk = (
        int(step.params[name]) for name in ("parts", "filter_h", "filter_w", "in_c", "chunk")
    )
    return parts * -(-(height // parts * width * channels) // chunk)


def _way(step: Step, linear: Linear, weights: NDArray[np.int8], kernel: Kernel, parts: int) -> Step:
    channels, taps = len(weights), weights[0].size // parts
    matrix = weights.reshape(channels, parts, taps).transpose(1, 0, 2)
    chunk = packing.taps_at_once(linear.any_weights(matrix))
    sums = packing.POSITIONS * (channels if parts > 1 else packing.CHANNELS if chunk < taps else 0)
    pooled = step.params["pool_h"] != 1 or step.params["pool_w"] != 1
    padding, best = -(-weights.shape[-1] // 4), channels if pooled else 0
    params = kernel.take(
        step.params,
        parts=parts,
        chunk=chunk,
        general_scale=int(short_scale.needs_general_scale(linear)),
        filter=packing.pack_fours(matrix, kernel.narrow),
        scale=short_scale.pairs(linear),
    )
    return replace(
        step,
        kernel=kernel,
        params=params,
        working=4 * (padding + best + sums + 2 * taps),
        arguments=("part", "working"),
    )
