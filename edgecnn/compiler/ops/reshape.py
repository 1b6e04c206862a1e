# SPDX-License-Identifier: Apache-2.0
"""RESHAPE: the same bytes in another shape.

A pass removes those that need no copy: into a FULLY_CONNECTED, or between shapes of the same rows.
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _moving
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

macs = _moving.macs


def check(graph: Graph, operator: Operator) -> None:
    """Check types, equal quantization and equal size."""
    source, made = graph.input(operator, 0), graph.output(operator)
    _moving.check(graph, operator, geometry.INT8_OR_INT16)
    if source.size != made.size:
        raise ModelError(
            f"{graph.describe(operator)} makes {made.shape} of {source.shape}; equal sizes needed"
        )


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input: all of them."""
    _, in_h, in_w, _ = graph.input(operator, 0).shape
    return in_h, in_w


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the input's bytes in the output's shape."""
    return inputs[0].reshape(graph.output(operator).shape)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that copies the whole tensor once all of its rows are there."""
    source, made = graph.input(operator, 0), graph.output(operator)
    rows = source.shape[1]
    params = {"rows": rows, "size": source.itemsize * source.size // rows}
    window = Window(rows, 0)
    step = Step(
        operator,
        "reshape",
        operator.inputs[:1],
        operator.outputs[0],
        (window,),
        1,
        params,
        rows_per_group=made.shape[1],
    )
    return (step,)
