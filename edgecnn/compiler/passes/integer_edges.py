# SPDX-License-Identifier: Apache-2.0
"""Gives a model int8 inputs and outputs, on which the C works.

QUANTIZE behind float inputs and DEQUANTIZE before float outputs go. Where a file has uint8, there is int8 of
128 less instead, and a QUANTIZE at an edge that changes nothing more goes, too.
"""

from dataclasses import replace

import numpy as np

from edgecnn.compiler import ops, quant
from edgecnn.compiler.geometry import INT8_OR_INT16, quantization_of
from edgecnn.compiler.ir import Graph, Operator, Tensor, Variable, short_name
from edgecnn.compiler.ops import dequantize, quantize
from edgecnn.compiler.passes.as_int8 import as_int8
from edgecnn.compiler.passes.variables_as_edges import variables_as_edges
from edgecnn.errors import ModelError


def integer_edges(graph: Graph) -> Graph:
    """Return `graph` over int8 instead of uint8, and with such edges where float ones were only converted.

    Variables become edges behind the model's own, and those that are floats between two inferences integers.

    Raises:
        ModelError: an operator has uint8 beside another type, or a float variable is written at another scale
            than it is read.
    """
    graph = as_int8(variables_as_edges(graph))
    entries = {op.inputs[0]: op for op in graph.operators if _is_entry(graph, op)}
    exits = {op.outputs[0]: op for op in graph.operators if _is_exit(graph, op)}
    removed = [*entries.values(), *exits.values()]
    inner = replace(
        graph,
        operators=tuple(op for op in graph.operators if op not in removed),
        inputs=tuple(entries[i].outputs[0] if i in entries else i for i in graph.inputs),
        outputs=tuple(exits[i].inputs[0] if i in exits else i for i in graph.outputs),
    )
    count = len(graph.variables)
    ends = zip(graph.variables, inner.inputs[-count:], inner.outputs[-count:], strict=True) if count else ()
    return replace(inner, variables=tuple(_integers(inner, *each) for each in ends))


def _integers(graph: Graph, variable: Variable, before: int, after: int) -> Variable:
    """Return a variable with integers for an initial value, whose edges are `before` and `after`."""
    read, written, initial = graph.tensors[before], graph.tensors[after], variable.initial
    if initial.dtype != "float32" or initial.data is None:
        return variable
    what = f'variable "{short_name(variable.name)}" is float32'
    if read.dtype not in INT8_OR_INT16 or (read.dtype, read.quantization) != (
        written.dtype,
        written.quantization,
    ):
        raise ModelError(
            f"{what}, read as {read} and written as {written}; int8 or int16 of one scale on both sides is "
            "supported: convert the model with _experimental_variable_quantization"
        )
    data = quant.quantize(initial.data.astype(np.float32), quantization_of(read), read.dtype)
    return replace(variable, initial=replace(read, data=data))


def _is_entry(graph: Graph, operator: Operator) -> bool:
    if not ops.is_a(operator, quantize) or operator.inputs[0] not in graph.inputs:
        return False
    alone = len(graph.consumers(operator.inputs[0])) == 1 and operator.inputs[0] not in graph.outputs
    if _stands_for(graph.input(operator, 0), graph.output(operator)):
        return alone
    return alone and _renames(graph, operator) and operator.outputs[0] not in graph.outputs


def _is_exit(graph: Graph, operator: Operator) -> bool:
    if operator.outputs[0] not in graph.outputs or graph.consumers(operator.outputs[0]):
        return False
    if ops.is_a(operator, dequantize):
        return _stands_for(graph.output(operator), graph.input(operator, 0))
    apart = operator.inputs[0] not in (*graph.inputs, *graph.outputs)
    return ops.is_a(operator, quantize) and apart and _renames(graph, operator)


def _stands_for(real: Tensor, integers: Tensor) -> bool:
    """Whether one tensor holds the floats of the other: where they don't match, the op's check says why."""
    quantized = integers.dtype in INT8_OR_INT16 and integers.quantization is not None
    return quantized and real.dtype == "float32" and real.shape == integers.shape


def _renames(graph: Graph, operator: Operator) -> bool:
    source, output = graph.input(operator, 0), graph.output(operator)
    return (source.dtype, source.shape, source.quantization) == (
        output.dtype,
        output.shape,
        output.quantization,
    )
