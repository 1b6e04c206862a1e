# SPDX-License-Identifier: Apache-2.0
"""CONV_2D for MVE: pairs of channels times three columns of bytes; up to 32 taps stay in registers."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.mve import packing
from edgecnn.compiler.kernel import Kernel, Line, Params
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.conv_2d import CONV_2D
from edgecnn.compiler.steps import Step

KERNEL = CONV_2D.but(
    Line.plan("int16_t columns", "at once: four of at most 16 taps, three, or fewer"),
    Line.shape(
        "int16_t column", "bytes of one; 0 for a single tap, whose columns lie in the row as they are"
    ),
    packing.ROUNDING,
    Line.table(
        "const uint8_t *bytes",
        "four of a row for each of four columns, and where they go; NULL: four are not enough",
        optional=True,
    ),
    Line.trained("const int8_t *filter", "OHWI; with zeros behind where kernel_dot_16 or _32 reads them"),
    isa="mve",
)

_MOST_TAPS = 32752  # what fields of the parameters hold, and whole vectors
_FEW_TAPS = 32  # columns of so many stay in registers
_BYTES = 4  # of a filter's row that are gathered for each column
_LARGE = 8192  # bytes of working memory from which a way with less is worth more instructions


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return the ways with as many columns at once as pay, and fewer where they take much memory."""
    linear = Linear.of(graph, step.operator)
    return ways(graph, step, linear, linear.weights)


def ways(
    graph: Graph, step: Step, linear: Linear, weights: NDArray[np.int8], kernel: Kernel = KERNEL
) -> tuple[Step, ...]:
    """Return the ways for a `step` that has a convolution's parameters, and weights int8[channels, ...]."""
    channels, taps = len(weights), weights[0].size
    if taps > _MOST_TAPS:
        return ()
    few, stored = taps <= _FEW_TAPS, packing.packed(weights) if kernel.narrow else weights
    pooled = step.group > 1 or step.params["pool_h"] != 1 or step.params["pool_w"] != 1
    own = {
        "column": 0 if not pooled and _in_the_row(graph, step) else taps + -taps % packing.VECTOR,
        "rounding": packing.rounding(linear),
        "filter": packing.filled_up(stored, taps) if few else stored,
        **(_gathered(step.params) if taps <= packing.VECTOR else {}),
    }

    def way(columns: int) -> Step:
        words = columns * int(own["column"]) // 4 + columns * packing.ROW + (channels if pooled else 0)
        return replace(
            step,
            kernel=kernel,
            params=kernel.take(step.params, columns=columns, **own),
            working=4 * words,
            arguments=("part", "working"),
        )

    if few:
        return (way(4 if taps <= packing.VECTOR else 3),)
    return (way(3), way(2), way(1)) if way(3).working > _LARGE else (way(3),)


def _gathered(params: Params) -> Params:
    """Return which bytes of a row four columns take, and where they put them: four bytes each, if they do.

    What a filter row has less than four is filled up with its first byte, over which the next row is written.
    """
    row = int(params["filter_w"]) * int(params["in_c"])
    step = int(params["stride_w"]) * int(params["in_c"])
    last = (int(params["filter_h"]) - 1) * row
    if row > _BYTES or last + _BYTES > packing.VECTOR or (_BYTES - 1) * (step + 1) > np.iinfo(np.uint8).max:
        return {}
    column, byte = np.divmod(np.arange(packing.VECTOR), _BYTES)
    places = (column * step + np.where(byte < row, byte, 0), column * packing.VECTOR + byte)
    return {"bytes": np.concatenate(places).astype(np.uint8)}


def _in_the_row(graph: Graph, step: Step) -> bool:
    """Tell whether a window is one tap and none lies in padding: such columns lie in the row as they are."""
    _, height, width, _ = graph.input(step.operator, 0).shape
    _, rows, columns, _ = graph.output(step.operator).shape
    axes = ops.axes(graph, step.operator)
    assert axes is not None, "convolutions have windows"
    vertical, horizontal = axes
    return (
        vertical.size == horizontal.size == 1
        and vertical.pad == horizontal.pad == 0
        and vertical.start(rows - 1) < height
        and horizontal.start(columns - 1) < width
    )
