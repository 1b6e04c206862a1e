# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSE of rows, columns and channels; where rows stay rows, it needs no more than one at a time."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import Kernel, Line, Params, serving
from edgecnn.compiler.ops import _moving
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

TRANSPOSE = Kernel(
    "transpose",
    (
        Line.shape("int16_t out_w, out_c"),
        Line.shape(
            "int16_t row_y, row_x, row_c", "rows of the input that a step along an axis of the output goes,"
        ),
        Line.shape("int32_t byte_y, byte_x, byte_c", "and bytes of a row"),
    ),
)
TRANSPOSE_S16 = TRANSPOSE.but(
    Line.shape("int32_t byte_y, byte_x, byte_c", "and values of a row"), types="s16"
)

macs = _moving.macs

_ROWS, _COLUMNS, _CHANNELS = -3, -2, -1


def check(graph: Graph, operator: Operator) -> None:
    """Check types, equal quantization, and that the batch stays where it is."""
    _moving.check(graph, operator, geometry.INT8_OR_INT16)
    shape = graph.input(operator, 0).shape
    order = _moving.integers(graph, operator, 1, len(shape))
    if sorted(order) != list(range(len(shape))) or (len(shape) > 1 and order[0]) or len(shape) > 4:
        raise ModelError(
            f"{graph.describe(operator)} puts {shape} into the order {order}; "
            "one of up to 4 dimensions in which the batch stays first is supported"
        )
    geometry.check_shape(graph, operator, [shape[axis] for axis in order])


def _order(graph: Graph, operator: Operator) -> list[int]:
    """Return which axis of the input the output's rows, columns and channels are, from the end."""
    order = _moving.integers(graph, operator, 1)
    axes = [axis - len(order) for axis in order][-3:]
    return [_ROWS, _COLUMNS, _CHANNELS][: 3 - len(axes)] + axes


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read."""
    lengths = dict(zip(_order(graph, operator), (height, width, geometry.MOST), strict=True))
    return lengths[_ROWS], lengths[_COLUMNS]


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the input with its axes in another order."""
    value, output_shape = inputs[0], graph.output(operator).shape
    axes = [axis + value.ndim for axis in _order(graph, operator)[-value.ndim :]]
    turned = value.transpose(list(range(value.ndim - len(axes))) + axes)
    return turned[tuple(slice(length) for length in output_shape)]


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing, of one row of the input or of all."""
    _, rows, columns, channels = graph.output(operator).shape
    _, in_h, _, in_c = graph.input(operator, 0).shape
    order = _order(graph, operator)
    swaps_rows = order[0] == _ROWS
    # How far a step along an axis of the output goes in the input: in rows, and in bytes of a row.
    row_steps = [int(axis == _ROWS) for axis in order]
    byte_steps = [{_ROWS: 0, _COLUMNS: in_c, _CHANNELS: 1}[axis] for axis in order]
    params: Params = {
        "out_w": columns,
        "out_c": channels,
        "row_y": 0 if swaps_rows else row_steps[0],
        "row_x": row_steps[1],
        "row_c": row_steps[2],
        "byte_y": byte_steps[0],
        "byte_x": byte_steps[1],
        "byte_c": byte_steps[2],
    }
    window = Window(1, 1) if swaps_rows else Window(in_h, 0)
    return (
        Step(
            operator,
            serving(graph.output(operator).dtype, TRANSPOSE, TRANSPOSE_S16),
            operator.inputs[:1],
            operator.outputs[0],
            (window,),
            rows,
            params,
            arguments=("row",),
        ),
    )
