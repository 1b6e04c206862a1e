# SPDX-License-Identifier: Apache-2.0
"""ARG_MAX, which makes class numbers where the model ends; a TRANSPOSE puts the axis last."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.kernel import Kernel, Line, Params
from edgecnn.compiler.ops import _moving
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

ARG_MAX = Kernel(
    "arg_max",
    (Line.shape("int16_t columns, channels"), Line.shape("int16_t bytes", "of a number: 4 or 8")),
    over=("int8", "int32", "int64"),
)

macs = _moving.macs


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the operator over the last axis, behind a TRANSPOSE that puts another one there."""
    source = graph.input(operator, 0)
    rank = len(source.shape)
    axis = rank + _moving.axis_from_end(graph, operator, _moving.integers(graph, operator, 1, 1)[0], rank)
    order = [*(place for place in range(rank) if place != axis), axis]
    if order == sorted(order):
        return [operator]
    turned = _moving.add_between(tensors, source, [source.shape[place] for place in order])
    positions = _moving.add_constant(tensors, order), _moving.add_constant(tensors, [rank - 1])
    return [
        Operator("TRANSPOSE", operator.index, (operator.inputs[0], positions[0]), (turned,)),
        replace(operator, inputs=(turned, positions[1])),
    ]


def check(graph: Graph, operator: Operator) -> None:
    """Check types and the shape."""
    source, output = graph.input(operator, 0), graph.output(operator)
    geometry.check_types(graph, operator, (source,))
    if output.dtype not in ("int32", "int64"):
        raise ModelError(f"{graph.describe(operator)} makes {output.dtype}; int32 or int64 needed")
    geometry.check_shape(graph, operator, source.shape[:-1])


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input: all of them."""
    _, in_h, in_w, _ = graph.input(operator, 0).shape
    return in_h, in_w


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does: of equal values the first is taken."""
    output = graph.output(operator)
    numbers: NDArray[Any] = np.argmax(inputs[0], axis=-1).astype(output.dtype)
    return numbers.reshape(output.shape)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that takes each row as it comes, and writes its part of what is a single row."""
    _, rows, columns, channels = graph.input(operator, 0).shape
    bytes_ = np.dtype(graph.output(operator).dtype).itemsize
    params: Params = {"columns": columns, "channels": channels, "bytes": bytes_}
    source, output = operator.inputs[:1], operator.outputs[0]
    window = Window(1, 0, inner=1)
    return (
        Step(operator, ARG_MAX, source, output, (window,), rows, params, group=rows, arguments=("part",)),
    )
