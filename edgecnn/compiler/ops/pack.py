# SPDX-License-Identifier: Apache-2.0
"""PACK along a new axis: each input gets it by a RESHAPE, then they are joined by a CONCATENATION."""

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import _moving
from edgecnn.errors import ModelError

macs = _moving.macs


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the RESHAPEs and the CONCATENATION."""
    made = graph.output(operator)
    axis = _moving.axis_from_end(graph, operator, geometry.option(graph, operator, "axis"), len(made.shape))
    if len({graph.input(operator, i).shape for i in range(len(operator.inputs))}) != 1:
        raise ModelError(f"{graph.describe(operator)} packs tensors of several shapes; equal ones needed")
    shape = list(made.shape)
    shape[axis] = 1
    between = [_moving.add_between(tensors, tensors[source], shape) for source in operator.inputs]
    parts = [
        _moving.reshaped(operator, source, part)
        for source, part in zip(operator.inputs, between, strict=True)
    ]
    joined = Operator("CONCATENATION", operator.index, tuple(between), operator.outputs, {"axis": axis})
    return [*parts, joined]
