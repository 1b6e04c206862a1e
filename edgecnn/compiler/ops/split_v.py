# SPDX-License-Identifier: Apache-2.0
"""SPLIT_V into parts of given sizes, which are those of its outputs: a SLICE for each."""

from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import _moving, _splitting

macs = _moving.macs


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the SLICEs."""
    source = graph.input(operator, 0)
    axis = _moving.integers(graph, operator, 2, 1)[0]
    axis = _moving.axis_from_end(graph, operator, axis, len(source.shape))
    return _splitting.slices(graph, operator, tensors, operator.inputs[0], axis, operator.outputs)
