# SPDX-License-Identifier: Apache-2.0
"""CONV_2D for AVX2 and AVX-512: 16 channels times up to 12 columns of widened rows."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.avx2 import packing
from edgecnn.compiler.kernel import Line
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.conv_2d import CONV_2D
from edgecnn.compiler.steps import Step

_KERNEL = CONV_2D.but(
    Line.shape("int32_t in_w, in_c, out_w, out_c"),
    Line.shape("int32_t groups", "of four taps in a run, the last filled up with zeros"),
    Line.shape("int16_t runs", "of taps that lie one behind the other, in a row of the filter"),
    Line.plan("int16_t columns", "of sums at once: a multiple of pool_w, 12 at most"),
    packing.SCALING,
    Line.trained("const int8_t *filter", "for 16 channels after the other: run after run, group after group"),
    Line.trained("const int32_t *scale", "for 16 channels after the other: what scales them"),
    isa="avx2",
    without="pool_stride_w bias multiplier shift",
    sums=None,
)

_MOST_COLUMNS = 12  # at once: so many sums and what they are made of fit 32 registers
_LATENCY = 4  # cycles of a multiplication: fewer columns don't take less


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none for pools that are wide or leave columns out."""
    linear = Linear.of(graph, step.operator)
    return ways(step, linear, linear.weights)


def ways(step: Step, linear: Linear, weights: NDArray[np.int8]) -> tuple[Step, ...]:
    """Return the way for a `step` with a convolution's parameters, and weights int8[channels, h, w, c]."""
    size = {name: int(value) for name, value in step.params.items() if isinstance(value, int)}
    pool_w, positions = size["pool_w"], size["out_w"] * size["pool_w"]
    if pool_w > _MOST_COLUMNS or (pool_w > 1 and size["pool_stride_w"] != pool_w):
        return ()
    runs = weights.reshape(len(weights), size["filter_h"], -1)
    if size["dilation_w"] > 1:
        runs = weights.reshape(len(weights), -1, size["in_c"])
    extent = (size["filter_w"] - 1) * size["dilation_w"] + 1
    row = ((positions - 1) * size["stride_w"] + extent) * size["in_c"] + packing.TAPS - 1
    params = _KERNEL.take(
        step.params,
        runs=runs.shape[1] // size["filter_h"],
        groups=-(-runs.shape[2] // packing.TAPS),
        columns=_columns(positions, pool_w),
        filter=packing.pack_filter(runs),
        **packing.scaling(linear),
    )
    return (
        replace(
            step,
            kernel=_KERNEL,
            params=params,
            working=-(-step.windows[0].extent * row * packing.WIDE // 4) * 4,
            arguments=("part", "working"),
        ),
    )


def _columns(positions: int, pool_w: int) -> int:
    """Return how many columns to compute at once: whole windows, in the least time over a row."""

    def time(columns: int) -> int:
        parts = [columns] * (positions // columns) + [positions % columns] * (positions % columns > 0)
        return sum(max(part, _LATENCY) + 1 for part in parts)

    choices = range(pool_w, min(_MOST_COLUMNS, positions) + 1, pool_w)
    return min(reversed(choices), key=time)
