# SPDX-License-Identifier: Apache-2.0
"""Ops that leave one value along some axes: sums, means and extremes over rows, columns or channels.

Over rows they take each row as it comes; over columns or channels alone they are row by row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Options, Tensor
from edgecnn.compiler.kernel import Kernel, Line, Params
from edgecnn.compiler.ops import _moving
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

LINES = (
    Line.shape("int16_t columns, channels", "of the output"),
    Line.shape("int16_t over_columns, over_channels", "of the input that make one value: all or 1"),
    Line.shape("int16_t column", "bytes of one column of the input"),
    Line.shape("int16_t rows, parts"),
)
VALUES = Line.shape("int16_t column", "values of one column of the input")  # over int16

_ROWS, _COLUMNS, _CHANNELS = -3, -2, -1
_MOST = 1 << 23  # values whose distances from the zero point 32 bits can sum up


@dataclass(frozen=True, kw_only=True)
class ReductionOptions(Options):
    """Whether reduced axes stay, with one value; `over` are those axes, from the end, once known."""

    keep_dims: bool
    over: tuple[int, ...] = ()


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the operator with its axes as an option, and a RESHAPE where it drops dimensions.

    Raises:
        ModelError: there is no such axis, or another shape follows.
    """
    source, output = graph.input(operator, 0), graph.output(operator)
    rank, told = len(source.shape), geometry.options(graph, operator, ReductionOptions)
    given = _moving.integers(graph, operator, 1)
    reduced = {_moving.axis_from_end(graph, operator, axis, rank) for axis in given}
    shape = [1 if at - rank in reduced else length for at, length in enumerate(source.shape)]
    dropped = [length for at, length in enumerate(shape) if at - rank not in reduced]
    geometry.check_shape(graph, operator, shape if told.keep_dims else dropped)
    over = tuple(axis for axis in (_ROWS, _COLUMNS, _CHANNELS) if axis in reduced)
    whole = replace(operator, options=replace(told, over=over))
    if told.keep_dims:
        return [whole]
    between = _moving.add_between(tensors, output, shape)
    return [replace(whole, outputs=(between,)), _moving.reshaped(operator, between, operator.outputs[0])]


def turned(graph: Graph, operator: Operator, tensors: list[Tensor]) -> Operator:
    """Return the operator over rows in the place of columns."""
    told, other = geometry.options(graph, operator, ReductionOptions), {_ROWS: _COLUMNS, _COLUMNS: _ROWS}
    over = tuple(sorted(other.get(axis, axis) for axis in told.over))
    return replace(operator, options=replace(told, over=over))


def check(graph: Graph, operator: Operator, dtypes: Sequence[str] = geometry.INT8) -> None:
    """Check types, and that 32 bits hold the sums."""
    geometry.check_types(graph, operator, (graph.input(operator, 0), graph.output(operator)), dtypes)
    if count(graph, operator) >= _MOST:
        raise ModelError(
            f"{graph.describe(operator)} reduces {count(graph, operator)} values to one; "
            f"less than {_MOST} needed"
        )


def macs(graph: Graph, operator: Operator) -> int:
    """Return 0: there are only sums or comparisons, and a scaling for each output."""
    return 0


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input: all along an axis that is reduced, else as many."""
    _, in_h, in_w, _ = graph.input(operator, 0).shape
    over = axes(graph, operator)
    return in_h if _ROWS in over else height, in_w if _COLUMNS in over else width


def axes(graph: Graph, operator: Operator, rank: int = 4) -> tuple[int, ...]:
    """Return the axes that are reduced in tensors of `rank` dimensions, from the end: -3 to -1."""
    over = geometry.options(graph, operator, ReductionOptions).over
    return tuple(axis for axis in over if -axis <= rank)


def count(graph: Graph, operator: Operator) -> int:
    """Return how many values are reduced to one."""
    shape = graph.input(operator, 0).shape
    return prod(shape[axis] for axis in axes(graph, operator, len(shape)))


def reduced(
    graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]], function: Any
) -> NDArray[np.int64]:
    """Return what NumPy's `function` makes of the input along the axes, in the output's shape."""
    output_shape = graph.output(operator).shape
    value, over = inputs[0].astype(np.int64), axes(graph, operator, inputs[0].ndim)
    if value.ndim == len(output_shape) == 4:  # a pass may have cut the output, where it has rows and columns
        value = value[:, : output_shape[1] if _ROWS not in over else None]
        value = value[:, :, : output_shape[2] if _COLUMNS not in over else None]
    return np.asarray(function(value, axis=over, keepdims=True), np.int64)


def lower(graph: Graph, operator: Operator, kernel: Kernel, params: Params, sums: bool) -> tuple[Step, ...]:
    """Return steps: over rows one that takes all at once and one that takes each as it comes.

    `sums` tells whether 32 bits are kept for each output until the last row.
    """
    _, rows, columns, channels = graph.input(operator, 0).shape
    _, made_rows, made_columns, made_channels = graph.output(operator).shape
    over = axes(graph, operator)
    fields = {
        "columns": made_columns,
        "channels": made_channels,
        "over_columns": columns if _COLUMNS in over else 1,
        "over_channels": channels if _CHANNELS in over else 1,
        "column": channels,
    }

    def step(rows_at_once: int, parts: int) -> Step:
        every = Window(rows_at_once, 0, inner=rows_at_once) if _ROWS in over else Window(1, 1)
        return Step(
            operator,
            kernel,
            operator.inputs[:1],
            operator.outputs[0],
            (every,),
            made_rows * parts,
            kernel.take({**params, **fields, "rows": rows_at_once, "parts": parts}),
            group=parts,
            scratch=4 * made_columns * made_channels if sums and parts > 1 else 0,
            arguments=("part", "sums") if sums else ("part",),
        )

    if _ROWS in over and rows > 1:
        return step(rows, 1), step(1, rows)
    return (step(1, 1),)
