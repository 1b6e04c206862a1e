# SPDX-License-Identifier: Apache-2.0
"""SLICE: some rows, columns and channels; also what STRIDED_SLICE and SPLIT become.

Steps come from STRIDED_SLICE.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.kernel import Kernel, Line, Params, serving
from edgecnn.compiler.ops import _moving
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

SLICE = Kernel(
    "slice",
    (
        Line.shape("int32_t begin", "byte of a row at which the first value lies"),
        Line.shape("int32_t positions, stride", "how many there are, and bytes from one to the next"),
        Line.shape("int32_t size, step", "values at a position, and bytes from one to the next"),
    ),
)
SLICE_S16 = SLICE.but(
    Line.shape("int32_t begin", "of a row's values the first one"),
    Line.shape("int32_t positions, stride", "how many there are, and values from one to the next"),
    Line.shape("int32_t size, step", "values at a position, and how far apart they are"),
    types="s16",
)

macs, known = _moving.macs, _moving.known

OPTIONS = _moving.SliceOptions


def check(graph: Graph, operator: Operator) -> None:
    """Check types, equal quantization, and that all that is taken is there."""
    _moving.check(graph, operator, geometry.INT8_OR_INT16)
    source, output_shape = graph.input(operator, 0).shape, graph.output(operator).shape
    begin, size = (_moving.integers(graph, operator, position, len(source)) for position in (1, 2))
    expected = [n - b if s == -1 else s for n, b, s in zip(source, begin, size, strict=True)]
    inside = list(output_shape) == expected
    for axis in range(-len(source), 0) if inside else ():
        first, step, count = _span(graph, operator, axis)
        last = first + (count - 1) * step
        inside &= 0 <= first < source[axis] and 0 <= last < source[axis]
    if not inside:
        raise ModelError(
            f"{graph.describe(operator)} takes {tuple(size)} from {tuple(begin)} on of {source}, which makes "
            f"no {output_shape}"
        )


def _span(graph: Graph, operator: Operator, axis: int) -> tuple[int, int, int]:
    """Return (first element, step, how many) along an axis that counts from the end."""
    begin, sizes = _moving.integers(graph, operator, 1), graph.output(operator).shape
    first = begin[axis] if -axis <= len(begin) else 0
    steps = geometry.options(graph, operator, _moving.SliceOptions).steps
    return first, steps[axis] if -axis <= len(steps) else 1, sizes[axis]


def turned(graph: Graph, operator: Operator, tensors: list[Tensor]) -> Operator:
    """Return a SLICE of rows in the place of columns."""
    inputs, told = [operator.inputs[0]], geometry.options(graph, operator, _moving.SliceOptions)
    for position, absent in ((1, 0), (2, 1)):
        given = _moving.integers(graph, operator, position)
        batch, rows, columns, channels = [absent] * (4 - len(given)) + given
        inputs.append(_moving.add_constant(tensors, [batch, columns, rows, channels]))
    step_h, step_w, step_c = told.steps
    return replace(operator, inputs=tuple(inputs), options=replace(told, steps=(step_w, step_h, step_c)))


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read."""
    ends = []
    for axis, count in ((-3, height), (-2, width)):
        first, step, _ = _span(graph, operator, axis)
        ends.append(max(first, first + (count - 1) * step) + 1)
    return ends[0], ends[1]


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return what is taken of the input."""
    value = inputs[0]
    for axis in range(-value.ndim, 0):
        first, step, count = _span(graph, operator, axis)
        value = np.take(value, first + step * np.arange(count), axis)
    return value


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    top, step_h, rows = _span(graph, operator, -3)
    left, step_w, columns = _span(graph, operator, -2)
    front, step_c, channels = _span(graph, operator, -1)
    in_c = graph.input(operator, 0).shape[3]
    together = step_w == step_c == 1 and channels == in_c
    params: Params = {
        "begin": left * in_c + front,
        "positions": 1 if together else columns,
        "stride": step_w * in_c,
        "size": columns * channels if together else channels,
        "step": step_c,
    }
    window = Window(1, step_h, top)
    kernel = serving(graph.output(operator).dtype, SLICE, SLICE_S16)
    return (Step(operator, kernel, operator.inputs[:1], operator.outputs[0], (window,), rows, params),)
