# SPDX-License-Identifier: Apache-2.0
"""SPLIT into equal parts: a SLICE for each."""

from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import _moving, _splitting

macs = _moving.macs


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the SLICEs."""
    source = graph.input(operator, 1)
    axis = _moving.integers(graph, operator, 0, 1)[0]
    axis = _moving.axis_from_end(graph, operator, axis, len(source.shape))
    return _splitting.slices(graph, operator, tensors, operator.inputs[1], axis, operator.outputs)
