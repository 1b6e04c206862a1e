# SPDX-License-Identifier: Apache-2.0
"""CONCATENATION along channels, columns or rows, of tensors of one scale, or over uint8 of several."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.kernel import ANY, Kernel, Line, Params
from edgecnn.compiler.ops import _moving, quantize
from edgecnn.compiler.steps import Step, Window
from edgecnn.compiler.traits import Channels, Range
from edgecnn.errors import ModelError

CONCATENATION = Kernel(
    "concatenation",
    (
        Line.shape("int16_t positions, count"),
        Line.table("const int32_t *sizes", "of each input, bytes at a position"),
    ),
    over=ANY,
)

_ROWS, _COLUMNS, _CHANNELS = -3, -2, -1
_SHOWN = 4  # shapes of those that are joined

macs, known = _moving.macs, _moving.known


@dataclass(frozen=True, kw_only=True)
class ConcatenationOptions(geometry.Fused):
    """Along which axis the inputs lie side by side; it counts from the end once `rewrite` has seen it.

    `unsigned` says that the file has uint8; `behind`, that the only input's rows are those of the output from
    there on, and that the others lie there since the last inference.
    """

    axis: int
    unsigned: bool = False
    behind: int | None = None


OPTIONS = ConcatenationOptions


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the same operator with an axis that counts from the end, over inputs of the output's scale.

    Over uint8 TensorFlow Lite brings each to it, in float32: ConcatenationWithScaling.
    """
    rank = len(graph.output(operator).shape)
    told = geometry.options(graph, operator, ConcatenationOptions)
    axis = _moving.axis_from_end(graph, operator, told.axis, rank)
    output = graph.output(operator)
    if not told.unsigned or output.quantization is None:
        return [replace(operator, options=replace(told, axis=axis))]
    before, inputs = [], list(operator.inputs)
    for position, source in enumerate(operator.inputs):
        tensor = graph.input(operator, position)
        if _scaling(tensor) not in (None, _scaling(output)):
            tensors.append(replace(tensor, quantization=output.quantization, data=None))
            inputs[position] = len(tensors) - 1
            options = quantize.QuantizeOptions(by_float32=True)
            before.append(Operator("QUANTIZE", operator.index, (source,), (inputs[position],), options))
    return [*before, replace(operator, inputs=tuple(inputs), options=replace(told, axis=axis))]


def _scaling(tensor: Tensor) -> tuple[float, int] | None:
    quantization = tensor.quantization
    return (quantization.scale, quantization.zero_point) if quantization else None


def check(graph: Graph, operator: Operator) -> None:
    """Check types, equal quantization, shapes, and that there is no fused activation.

    TensorFlow Lite's int8 kernel scales nothing: it refuses inputs of other scales than the output's.
    """
    output, axis = graph.output(operator), _axis(graph, operator)
    inputs = [graph.input(operator, position) for position in range(len(operator.inputs))]
    geometry.check_types(graph, operator, (*inputs, output), geometry.INT8_OR_INT16)
    for tensor in inputs:
        if _scaling(tensor) != _scaling(output):
            raise ModelError(
                f"{graph.describe(operator)} has inputs of other scale or zero point than its output; "
                "equal ones needed"
            )
    if geometry.options(graph, operator, ConcatenationOptions).activation != "none":
        raise ModelError(f"{graph.describe(operator)} has a fused activation; none is supported here")
    _check_shapes(graph, operator, [tensor.shape for tensor in inputs], axis)


def _check_shapes(graph: Graph, operator: Operator, shapes: Sequence[tuple[int, ...]], axis: int) -> None:
    rank = len(graph.output(operator).shape)
    others = {(len(shape), *np.delete(shape, axis)) for shape in shapes if len(shape) == rank}
    if len(others) != 1 or any(len(shape) != rank for shape in shapes) or -axis == rank > 1:
        raise ModelError(
            f"{graph.describe(operator)} joins {_named(shapes)} along axis {rank + axis}; "
            "shapes that are equal but there, and no batch, are supported"
        )
    expected = list(shapes[0])
    expected[axis] = sum(shape[axis] for shape in shapes)
    geometry.check_shape(graph, operator, expected)


def _named(shapes: Sequence[tuple[int, ...]]) -> str:
    more = f" and {len(shapes) - _SHOWN} more" if len(shapes) > _SHOWN else ""
    return ", ".join(map(str, shapes[:_SHOWN])) + more


def _axis(graph: Graph, operator: Operator) -> int:
    return geometry.options(graph, operator, ConcatenationOptions).axis


def turned(graph: Graph, operator: Operator, tensors: list[Tensor]) -> Operator:
    """Return a CONCATENATION of rows in the place of columns."""
    told = geometry.options(graph, operator, ConcatenationOptions)
    axis = {_ROWS: _COLUMNS, _COLUMNS: _ROWS}.get(told.axis, told.axis)
    return replace(operator, options=replace(told, axis=axis))


def channels(graph: Graph, operator: Operator) -> Channels:
    """Say whether it joins channels."""
    return Channels.JOINED if _axis(graph, operator) == _CHANNELS else Channels.MIXED


def range_of(graph: Graph, operator: Operator, inputs: Sequence[Range]) -> Range:
    """Return the ranges of the inputs, side by side."""
    return Range(*(np.concatenate([getattr(values, end) for values in inputs]) for end in ("low", "high")))


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of each input that so many of the output read: at most as many."""
    return height, width


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    output_shape = graph.output(operator).shape
    inside = [slice(length) for length in output_shape]
    joined = np.array(inside, dtype=object)
    joined[_axis(graph, operator)] = slice(None)
    whole = np.concatenate([value[tuple(joined)] for value in inputs], axis=_axis(graph, operator))
    return np.asarray(whole[tuple(inside)])


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    _, rows, columns, channels = graph.output(operator).shape
    shapes = [graph.tensors[i].shape for i in operator.inputs]
    windows = [Window(1, 1)] * len(shapes)
    positions, sizes = 1, [columns * channels] * len(shapes)
    behind = geometry.options(graph, operator, ConcatenationOptions).behind
    if behind is not None:
        rows = shapes[0][1]
    elif _axis(graph, operator) == _ROWS:
        ends = np.cumsum([shape[1] for shape in shapes]).tolist()
        windows = [Window(1, 1, shape[1] - end) for shape, end in zip(shapes, ends, strict=True)]
    elif _axis(graph, operator) == _COLUMNS:
        ends = np.minimum(np.cumsum([shape[2] for shape in shapes]), columns)
        sizes = (np.diff(ends, prepend=0) * channels).tolist()
    else:
        positions, sizes = columns, [shape[3] for shape in shapes]
    bytes_ = np.array(sizes, np.int32) * graph.output(operator).itemsize
    params: Params = {"positions": positions, "count": len(shapes), "sizes": bytes_}
    return (
        Step(
            operator,
            CONCATENATION,
            operator.inputs,
            operator.outputs[0],
            tuple(windows),
            rows,
            params,
            first_made=behind or 0,
        ),
    )
