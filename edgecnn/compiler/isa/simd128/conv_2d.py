# SPDX-License-Identifier: Apache-2.0
"""CONV_2D for WebAssembly's vectors: eight channels times four columns of 16-bit values."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.kernel import Line
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.conv_2d import CONV_2D
from edgecnn.compiler.steps import Step

_KERNEL = CONV_2D.but(
    Line.shape("int32_t pairs", "of taps in a column, the last filled up with a zero"),
    Line.trained("const int8_t *filter", "for eight channels after the other, as kernel_dot_8x4 takes them"),
    isa="simd128",
)

_CHANNELS, _COLUMNS = 8, 4  # at once


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return one way, for any convolution."""
    linear = Linear.of(graph, step.operator)
    filters = pack(linear.weights.reshape(len(linear.weights), -1))
    pairs, sums = filters.shape[1], int(step.params["out_w"]) * len(linear.weights)
    return (
        replace(
            step,
            kernel=_KERNEL,
            params=_KERNEL.take(step.params, pairs=pairs, filter=filters),
            working=4 * (sums + _COLUMNS * pairs),
            arguments=("part", "working"),
        ),
    )


def pack(matrix: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return int8[channels, taps] as int8[eights of channels, pairs of taps, 8, 2], filled up with zeros."""
    channels, taps = matrix.shape
    padded = np.pad(matrix, ((0, -channels % _CHANNELS), (0, taps % 2)))
    return np.ascontiguousarray(padded.reshape(-1, _CHANNELS, padded.shape[1] // 2, 2).transpose(0, 2, 1, 3))
