# SPDX-License-Identifier: Apache-2.0
"""Which tensors of two models are the same: by name and shape, else by the order of the operators."""

from collections.abc import Iterable
from difflib import SequenceMatcher

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import dequantize, quantize
from edgecnn.pipeline.drift.trace import Trace


def pairs(first: Trace, second: Trace) -> dict[int, int]:
    """Return the tensors of the first model by those of the second.

    Names tell where at least half of the second's operators have a namesake: a converter keeps them between
    float and int8. Elsewhere operators are aligned by what they are and the shapes of what they make. What
    only converts stands for the tensor that it converts.
    """
    same = dict(zip(second.graph.inputs, first.graph.inputs, strict=False))
    named = _by_name(first, second)
    same |= named if 2 * len(named) >= len(second.operators) else _by_order(first, second)
    for operator in second.graph.operators:
        if ops.is_a(operator, quantize, dequantize) and operator.inputs[0] in same:
            same.setdefault(operator.outputs[0], same[operator.inputs[0]])
    return same


def _by_name(first: Trace, second: Trace) -> dict[int, int]:
    namesakes = {_name(first.graph, number): number for number in _outputs(first.operators)}
    return {
        number: namesakes[name]
        for number in _outputs(second.operators)
        if (name := _name(second.graph, number)) in namesakes
    }


def _outputs(operators: Iterable[Operator]) -> list[int]:
    return [operator.outputs[0] for operator in operators]


def _name(graph: Graph, number: int) -> tuple[str, tuple[int, ...]]:
    return graph.tensors[number].name, graph.tensors[number].shape


def _by_order(first: Trace, second: Trace) -> dict[int, int]:
    rows, others = (
        [_kind(trace.graph, operator) for operator in trace.operators] for trace in (first, second)
    )
    matcher = SequenceMatcher(None, rows, others, autojunk=False)
    return {
        second.operators[b + i].outputs[0]: first.operators[a + i].outputs[0]
        for a, b, size in matcher.get_matching_blocks()
        for i in range(size)
    }


def _kind(graph: Graph, operator: Operator) -> tuple[str, tuple[int, ...]]:
    return operator.op, graph.tensors[operator.outputs[0]].shape
