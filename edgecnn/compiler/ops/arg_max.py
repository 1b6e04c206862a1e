# SPDX-License-Identifier: Apache-2.0
"""ARG_MAX over the last axis, which makes class numbers where the model ends."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, moving
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.steps import Params, Step, Window
from edgecnn.errors import ModelError

macs = moving.macs


def check(graph: Graph, operator: Operator) -> None:
    """Check types, and that the axis is the last one."""
    source, made = graph.input(operator, 0), graph.output(operator)
    geometry.check_types(graph, operator, (source,))
    rank = len(source.shape)
    axes = {
        moving.axis_from_end(graph, operator, axis, rank) for axis in moving.integers(graph, operator, 1, 1)
    }
    if axes != {-1}:
        raise ModelError(f"{graph.describe(operator)} takes axis {min(axes)}; only the last is supported")
    if made.dtype not in ("int32", "int64"):
        raise ModelError(f"{graph.describe(operator)} makes {made.dtype}; int32 or int64 needed")
    geometry.check_shape(graph, operator, source.shape[:-1])


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input: all of them."""
    _, in_h, in_w, _ = graph.input(operator, 0).shape
    return in_h, in_w


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does: of equal values the first is taken."""
    made = graph.output(operator)
    numbers: NDArray[Any] = np.argmax(inputs[0], axis=-1).astype(made.dtype)
    return numbers.reshape(made.shape)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that takes each row as it comes, and writes its part of what is a single row."""
    _, rows, columns, channels = graph.input(operator, 0).shape
    bytes_ = np.dtype(graph.output(operator).dtype).itemsize
    params: Params = {"columns": columns, "channels": channels, "bytes": bytes_}
    source, made = operator.inputs[:1], operator.outputs[0]
    window = Window(1, 0, inner=1)
    return (
        Step(operator, "arg_max", source, made, (window,), rows, params, group=rows, arguments=("part",)),
    )
