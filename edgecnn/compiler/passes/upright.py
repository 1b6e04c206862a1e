# SPDX-License-Identifier: Apache-2.0
"""Turns maps of a single row, as windows over time are, such that each column is a row of its own.

Rows flow through a network one after the other, so that few of them are kept. The bytes of such a map stay
where they are: only what its operators call rows and columns changes.
"""

from dataclasses import replace

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import reshape
from edgecnn.compiler.passes.as_rows import without_reshapes


def upright(graph: Graph) -> Graph:
    """Return `graph` over tensors of a single column where all that its operators do is along one row.

    One of images, or with an operator that knows no such exchange, comes back as it is.
    """
    lying = [any(map(_lies, _maps(graph, operator))) for operator in graph.operators]
    if (
        graph.variables
        or not any(lying)
        or not any(_goes_along(graph, operator) for operator in graph.operators)
    ):
        return graph
    tensors = list(graph.tensors)
    operators = [
        _turned(graph, operator, tensors) if lies else operator
        for operator, lies in zip(graph.operators, lying, strict=True)
    ]
    for number, tensor in enumerate(graph.tensors):
        if tensor.data is None and _lies(tensor):
            _, rows, columns, channels = tensor.shape
            tensors[number] = replace(tensor, shape=(1, columns, rows, channels))
    kept = tuple(operator for operator in operators if operator is not None)
    if len(kept) < len(operators):
        return graph
    return without_reshapes(replace(graph, tensors=tuple(tensors), operators=kept))


def _goes_along(graph: Graph, operator: Operator) -> bool:
    """Tell whether an operator has windows that move along a single row or a single column."""
    single = all(1 in tensor.shape[1:3] for tensor in _maps(graph, operator))
    return single and ops.axes(graph, operator) is not None


def _turned(graph: Graph, operator: Operator, tensors: list[Tensor]) -> Operator | None:
    """Return what becomes of an operator on a map of one row; None where nothing can."""
    if ops.is_a(operator, reshape) or ops.takes_any_rows(operator):
        return operator  # to which the bytes are the same
    if any(tensor.shape[1] > 1 for tensor in _maps(graph, operator)):
        return None
    return ops.turned(graph, operator, tensors)


def _maps(graph: Graph, operator: Operator) -> list[Tensor]:
    ends = [graph.tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0]
    return [tensor for tensor in ends if tensor.data is None]


def _lies(tensor: Tensor) -> bool:
    return len(tensor.shape) == 4 and tensor.shape[1] == 1 < tensor.shape[2]
