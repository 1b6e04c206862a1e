# SPDX-License-Identifier: Apache-2.0
"""GATHER of rows, columns or channels by constant indices: shuffled channels, for one.

Indices of any shape are taken as a list; a RESHAPE gives the output its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Options, Tensor
from edgecnn.compiler.kernel import ANY, Kernel, Line, Params
from edgecnn.compiler.ops import _moving
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

GATHER = Kernel(
    "gather",
    (
        Line.shape("int32_t positions, stride", "how many there are, and bytes from one to the next"),
        Line.shape("int32_t count, size", "how many pieces a position gives, and the bytes of each"),
        Line.table("const int32_t *places", "byte of a position at which each begins"),
        Line.table("const int32_t *sizes", "bytes of each, where they differ", optional=True),
    ),
    over=ANY,
)

_ROWS, _COLUMNS, _CHANNELS = -3, -2, -1

macs, known = _moving.macs, _moving.known


@dataclass(frozen=True, kw_only=True)
class GatherOptions(Options):
    """Along which axis is taken; it counts from the end once `rewrite` has seen it."""

    axis: int
    batch_dims: int = 0


OPTIONS = GatherOptions


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the operator with an axis from the end and a list of indices, and a RESHAPE if they are none.

    Raises:
        ModelError: there is no such axis, or the indices are no constant.
    """
    told, source = geometry.options(graph, operator, GatherOptions), graph.input(operator, 0)
    axis = _moving.axis_from_end(graph, operator, told.axis, len(source.shape))
    indices, output = geometry.constant(graph, operator, 1), graph.output(operator)
    if told.batch_dims or indices.dtype.kind != "i":
        raise ModelError(
            f"{graph.describe(operator)} has batch_dims {told.batch_dims} and indices of {indices.dtype}; "
            "0, and a constant of int32 or int64, are supported"
        )
    at = axis + len(source.shape)
    geometry.check_shape(graph, operator, (*source.shape[:at], *indices.shape, *source.shape[at + 1 :]))
    whole = replace(operator, options=replace(told, axis=axis))
    if indices.ndim == 1 or output.dtype in ("int32", "int64"):  # those of a shape are known when compiling
        return [whole]
    listed = _moving.add_constant(tensors, indices.ravel().tolist())
    shape = (*source.shape[:at], indices.size, *source.shape[at + 1 :])
    between = _moving.add_between(tensors, output, shape)
    return [
        replace(whole, inputs=(operator.inputs[0], listed), outputs=(between,)),
        _moving.reshaped(operator, between, operator.outputs[0]),
    ]


def channels_of(
    source: int, channels: Sequence[int], output: int, operator: Operator, tensors: list[Tensor]
) -> Operator:
    """Return a GATHER that makes a tensor of channels of another, as a part of `operator`."""
    inputs, options = (source, _moving.add_constant(tensors, channels)), GatherOptions(axis=_CHANNELS)
    return Operator("GATHER", operator.index, inputs, (output,), options)


def along_axes(
    graph: Graph, operator: Operator, taken: Sequence[NDArray[np.int64]], tensors: list[Tensor]
) -> list[Operator]:
    """Return a GATHER for each axis of which something else is taken than all in order, or a RESHAPE.

    Args:
        graph: the graph.
        operator: whose parts these are: they make its output of its first input.
        taken: for each axis the indices.
        tensors: what is between them is appended.
    """
    source, shape = operator.inputs[0], list(graph.input(operator, 0).shape)
    changed = [axis for axis, of in enumerate(taken) if not np.array_equal(of, np.arange(shape[axis]))]
    parts = []
    for axis in changed:
        shape[axis] = taken[axis].size
        between = _moving.add_between(tensors, graph.output(operator), shape)
        output = operator.outputs[0] if axis == changed[-1] else between
        inputs = (source, _moving.add_constant(tensors, taken[axis].tolist()))
        options = GatherOptions(axis=axis - len(shape))
        parts.append(Operator("GATHER", operator.index, inputs, (output,), options))
        source = output
    geometry.check_shape(graph, operator, shape)
    return parts or [_moving.reshaped(operator, source, operator.outputs[0])]


def check(graph: Graph, operator: Operator) -> None:
    """Check types, equal quantization, and that all that is taken is there."""
    _moving.check(graph, operator, geometry.INT8_OR_INT16)
    source, axis, indices = graph.input(operator, 0).shape, _axis(graph, operator), _indices(graph, operator)
    if axis < _ROWS or len(source) > 4 or -axis == len(source) > 3:
        raise ModelError(
            f"{graph.describe(operator)} takes from {source} along axis {axis + len(source)}; rows, columns "
            "or channels of up to 4 dimensions are supported"
        )
    if not (indices.size and indices.min() >= 0 and indices.max() < source[axis]):
        raise ModelError(
            f"{graph.describe(operator)} takes {indices.tolist()[:8]} of {source[axis]}; "
            f"0 to {source[axis] - 1} are there"
        )


def _axis(graph: Graph, operator: Operator) -> int:
    return geometry.options(graph, operator, GatherOptions).axis


def _indices(graph: Graph, operator: Operator) -> NDArray[np.int64]:
    return geometry.constant(graph, operator, 1).astype(np.int64)


def turned(graph: Graph, operator: Operator, tensors: list[Tensor]) -> Operator:
    """Return a GATHER of rows in the place of columns."""
    told = geometry.options(graph, operator, GatherOptions)
    axis = {_ROWS: _COLUMNS, _COLUMNS: _ROWS}.get(told.axis, told.axis)
    return replace(operator, options=replace(told, axis=axis))


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read."""
    axis, indices = _axis(graph, operator), _indices(graph, operator)
    rows = int(indices[:height].max()) + 1 if axis == _ROWS else height
    return rows, int(indices[:width].max()) + 1 if axis == _COLUMNS else width


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return what is taken of the input."""
    output_shape, axis = graph.output(operator).shape, _axis(graph, operator)
    indices = _indices(graph, operator)
    if indices.ndim == 1 and output_shape:  # a pass may have cut the output
        indices = indices[: output_shape[axis]]
    taken = np.take(inputs[0], indices, axis)
    return np.asarray(taken[tuple(slice(length) for length in output_shape)])


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    source, (_, rows, columns, channels) = graph.input(operator, 0), graph.output(operator).shape
    axis, indices = _axis(graph, operator), _indices(graph, operator)
    window = Window(1, 1)
    # What is taken from where: whole rows, whole columns of a row, or channels of each column.
    positions, taken = (columns, indices) if axis == _CHANNELS else (1, indices[:columns])
    if axis == _ROWS:
        window, taken = Window(1, 0, firsts=tuple(indices[:rows].tolist())), np.zeros(1, np.int64)
    unit = source.itemsize * {_ROWS: columns * channels, _COLUMNS: channels, _CHANNELS: 1}[axis]
    stride = source.itemsize * source.shape[3]
    params: Params = {"positions": positions, "stride": stride, **_pieces(taken, unit)}
    return (Step(operator, GATHER, operator.inputs[:1], operator.outputs[0], (window,), rows, params),)


def _pieces(taken: NDArray[np.int64], unit: int) -> dict[str, int | NDArray[Any]]:
    """Return the parameters that say what is taken, where what follows each other is one piece."""
    first = np.flatnonzero(np.diff(taken, prepend=-2) != 1)
    sizes = np.diff(first, append=taken.size) * unit
    alike = len(set(sizes.tolist())) == 1
    pieces = {"count": first.size, "size": int(sizes[0]) if alike else 0}
    tables = {"places": taken[first] * unit, **({} if alike else {"sizes": sizes})}
    return {**pieces, **{name: table.astype(np.int32) for name, table in tables.items()}}
