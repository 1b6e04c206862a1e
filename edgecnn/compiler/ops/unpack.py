# SPDX-License-Identifier: Apache-2.0
"""UNPACK along an axis: for each output a SLICE of 1, and a RESHAPE that drops the axis."""

from dataclasses import dataclass

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Options, Tensor
from edgecnn.compiler.ops import _moving, _splitting

macs = _moving.macs


@dataclass(frozen=True, kw_only=True)
class UnpackOptions(Options):
    """Which of the input's axes goes."""

    axis: int


OPTIONS = UnpackOptions


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the SLICEs and RESHAPEs."""
    source = graph.input(operator, 0)
    axis = geometry.options(graph, operator, UnpackOptions).axis
    axis = _moving.axis_from_end(graph, operator, axis, len(source.shape))
    shape = list(source.shape)
    shape[axis] = 1
    between = [_moving.add_between(tensors, tensors[output], shape) for output in operator.outputs]
    parts = _splitting.slices(graph, operator, tensors, operator.inputs[0], axis, between)
    pairs = zip(between, operator.outputs, strict=True)
    return parts + [_moving.reshaped(operator, part, output) for part, output in pairs]
