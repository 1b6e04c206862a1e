# SPDX-License-Identifier: Apache-2.0
"""CONV_2D without SIMD: four channels times three positions."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import dsp, scalar
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.linear import Linear
from edgecnn.compiler.steps import Step


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return the faster way."""
    linear = Linear.of(graph, step.operator, channel_axis=0)
    return (way(step, linear, linear.weights),)


def way(step: Step, linear: Linear, weights: NDArray[np.int8]) -> Step:
    """Return the way for a `step` with a convolution's parameters, and weights int8[channels, h, w, in]."""
    channels, height = weights.shape[:2]
    taps, sums = weights[0].size, scalar.POSITIONS * channels
    # One row of the filter's taps and all sums, or all taps: what takes less memory.
    parts = height if sums + 2 * taps // height < 2 * taps else 1
    matrix = weights.reshape(channels, parts, -1).transpose(1, 0, 2)
    chunk = scalar.taps_at_once(matrix)
    column = 2 * taps // parts
    sums = sums if parts > 1 else scalar.POSITIONS * scalar.CHANNELS if chunk < taps else 0
    pooled = step.group > 1 or step.params["pool_h"] != 1 or step.params["pool_w"] != 1
    padding, best = -(-weights.shape[-1] // 4), channels if pooled else 0
    params = {
        "parts": parts,
        "chunk": chunk,
        "general_scale": int(dsp.needs_general_scale(linear)),
        "filter": scalar.pack_fours(matrix),
        "scale": np.stack([linear.folded_bias(), linear.multiplier], axis=1).astype(np.int32),
    }
    kept = {name: value for name, value in step.params.items() if name not in ("bias", "multiplier")}
    return replace(
        step,
        kernel="conv_2d.scalar",
        params=kept | params,
        working=4 * (padding + best + sums + column),
        arguments=("part", "working"),
    )
