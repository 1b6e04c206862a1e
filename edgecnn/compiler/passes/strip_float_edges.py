# SPDX-License-Identifier: Apache-2.0
"""Removes QUANTIZE behind float inputs and DEQUANTIZE before float outputs: the C works on int8."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph, Operator


def strip_float_edges(graph: Graph) -> Graph:
    """Return `graph` with int8 inputs and outputs where float ones were only converted."""
    entries = {op.inputs[0]: op for op in graph.operators if _is_entry(graph, op)}
    exits = {op.outputs[0]: op for op in graph.operators if _is_exit(graph, op)}
    removed = [*entries.values(), *exits.values()]
    return replace(
        graph,
        operators=tuple(op for op in graph.operators if op not in removed),
        inputs=tuple(entries[i].outputs[0] if i in entries else i for i in graph.inputs),
        outputs=tuple(exits[i].inputs[0] if i in exits else i for i in graph.outputs),
    )


def _is_entry(graph: Graph, operator: Operator) -> bool:
    if operator.op != "QUANTIZE" or operator.inputs[0] not in graph.inputs:
        return False
    alone = len(graph.consumers(operator.inputs[0])) == 1 and operator.inputs[0] not in graph.outputs
    return alone and graph.input(operator, 0).dtype == "float32"


def _is_exit(graph: Graph, operator: Operator) -> bool:
    return (
        operator.op == "DEQUANTIZE"
        and operator.outputs[0] in graph.outputs
        and not graph.consumers(operator.outputs[0])
    )
