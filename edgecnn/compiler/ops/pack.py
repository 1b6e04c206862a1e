# SPDX-License-Identifier: Apache-2.0
"""PACK along a new axis: each input gets it by a RESHAPE, then they are joined by a CONCATENATION."""

from dataclasses import dataclass

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Options, Tensor
from edgecnn.compiler.ops import _moving
from edgecnn.compiler.ops.concatenation import ConcatenationOptions
from edgecnn.errors import ModelError

macs = _moving.macs


@dataclass(frozen=True, kw_only=True)
class PackOptions(Options):
    """Which of the output's axes is the new one."""

    axis: int


OPTIONS = PackOptions


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the RESHAPEs and the CONCATENATION."""
    output = graph.output(operator)
    axis = geometry.options(graph, operator, PackOptions).axis
    axis = _moving.axis_from_end(graph, operator, axis, len(output.shape))
    if len({graph.input(operator, i).shape for i in range(len(operator.inputs))}) != 1:
        raise ModelError(f"{graph.describe(operator)} packs tensors of several shapes; equal ones needed")
    shape = list(output.shape)
    shape[axis] = 1
    between = [_moving.add_between(tensors, tensors[source], shape) for source in operator.inputs]
    parts = [
        _moving.reshaped(operator, source, part)
        for source, part in zip(operator.inputs, between, strict=True)
    ]
    joined = Operator(
        "CONCATENATION",
        operator.index,
        tuple(between),
        operator.outputs,
        ConcatenationOptions(activation="none", axis=axis),
    )
    return [*parts, joined]
