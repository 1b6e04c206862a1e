# SPDX-License-Identifier: Apache-2.0
"""CONV_2D for the DSP instructions: pairs of channels times up to three columns of 16-bit values."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import short_scale
from edgecnn.compiler.isa.dsp import packing
from edgecnn.compiler.kernel import Kernel, Line, Params
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.conv_2d import CONV_2D
from edgecnn.compiler.steps import Step

KERNEL = CONV_2D.but(
    Line.shape("int16_t groups", "of four taps in a column, the last filled up with zeros"),
    Line.plan("int16_t chunk", "groups at once: so few that 256 times a sum stays within 32 bits"),
    Line.plan("int16_t columns", "at once: 1, 2 or 3"),
    Line.plan("int16_t channels", "at once: even"),
    short_scale.GENERAL_SCALE,
    Line.trained(
        "const int32_t *filter",
        "for `channels` at once: chunk after chunk, pair after pair, as kernel_dot_2 takes them",
    ),
    short_scale.BIASES_AND_MULTIPLIERS,
    isa="dsp",
    without="bias multiplier",
    sums=short_scale.IN_PAIRS,
)

_CHANNELS = 32  # at once: more save little and cost memory
_MOST_GROUPS = 32767  # what a field of the parameters holds
_LARGE = 8192  # bytes of working memory from which a way with less is worth a third more instructions


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return the ways with three columns at once and fewer, or none where 16 bits don't hold the weights."""
    linear = Linear.of(graph, step.operator)
    return ways(step, linear, linear.weights)


def ways(step: Step, linear: Linear, weights: NDArray[np.int8], kernel: Kernel = KERNEL) -> tuple[Step, ...]:
    """Return the ways for a `step` that has a convolution's parameters, and weights int8[channels, ...]."""
    matrix = weights.reshape(weights.shape[0], -1)
    groups = -(-matrix.shape[1] // packing.TAPS)
    chunk = packing.groups_per_chunk(linear.any_weights(matrix), kernel.narrow)
    channels = min(_CHANNELS, len(matrix) + len(matrix) % 2)
    if groups > _MOST_GROUPS:
        return ()
    packed = packing.pack_pairs(matrix, chunk, channels, kernel.narrow)
    if not linear.may_choose(packed is not None) or packed is None:
        return ()
    own: Params = {
        "groups": groups,
        "chunk": chunk,
        "channels": channels,
        "general_scale": int(short_scale.needs_general_scale(linear)),
        "filter": packed,
        "scale": short_scale.pairs(linear),
    }
    pooled = step.group > 1 or step.params["pool_h"] != 1 or step.params["pool_w"] != 1

    def way(columns: int) -> Step:
        sums = channels * columns * (1 if chunk >= groups else 2)
        best = len(matrix) if pooled else 0
        # The bytes of a column that is being gathered lie where its sums do later.
        words = 2 * columns * groups + best + max(sums, groups)
        return replace(
            step,
            kernel=kernel,
            params=kernel.take(step.params, columns=columns, **own),
            working=4 * words,
            arguments=("part", "working"),
        )

    several = [way(2), way(1)] if way(2).working > _LARGE else [way(2)]
    # A window of a pool is made by itself: three columns only where they leave no more over than two.
    width = int(step.params["pool_w"])
    return tuple(several) if pooled and -width % 3 > width % 2 else (way(3), *several)
