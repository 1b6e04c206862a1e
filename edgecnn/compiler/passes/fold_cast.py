# SPDX-License-Identifier: Apache-2.0
"""Lets an ARG_MAX make numbers of classes of the type that a CAST behind it asks for: the CAST goes."""

from dataclasses import replace

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import arg_max, cast, expand_dims, reshape, squeeze

_NUMBERS = ("int32", "int64")


def fold_cast(graph: Graph) -> Graph:
    """Return `graph` without each CAST for which an ARG_MAX, and views of what it makes, are alone."""
    for operator in graph.operators:
        if ops.is_a(operator, cast) and graph.output(operator).dtype in _NUMBERS:
            graph = _folded(graph, operator, _numbers(graph, operator))
    return graph


def _numbers(graph: Graph, operator: Operator) -> list[int]:
    """Return the tensors between an ARG_MAX and a CAST, the last first; none if they are not so."""
    sources = []
    maker: Operator | None = operator
    while maker is not None and not ops.is_a(maker, arg_max):
        if maker is not operator and not ops.is_a(maker, reshape, expand_dims, squeeze):
            return []
        sources.append(maker.inputs[0])
        if len(graph.consumers(sources[-1])) != 1 or sources[-1] in graph.outputs:
            return []
        maker = graph.producer(sources[-1])
    return sources if maker is not None else []


def _folded(graph: Graph, operator: Operator, numbers: list[int]) -> Graph:
    if not numbers:
        return graph
    dtype, output = graph.output(operator).dtype, operator.outputs[0]
    tensors = [
        replace(tensor, dtype=dtype) if number in numbers else tensor
        for number, tensor in enumerate(graph.tensors)
    ]
    kept = (
        replace(other, outputs=(output,)) if other.outputs[:1] == (numbers[0],) else other
        for other in graph.operators
        if other is not operator
    )
    return replace(graph, tensors=tuple(tensors), operators=tuple(kept))
