# SPDX-License-Identifier: Apache-2.0
"""Cuts a graph where floats begin, as detectors have them at their end, and says what is left to the caller.

What stays computes with integers alone. Its outputs are those of the file that it makes, and what the rest
reads. A DEQUANTIZE that makes an output of the file is no rest: the C takes and gives real numbers there.
"""

from dataclasses import replace

from edgecnn.compiler import ops
from edgecnn.compiler.ir import ABSENT, Graph, Operator, Signature, short_name
from edgecnn.compiler.ops import arg_max, dequantize, quantize
from edgecnn.errors import ModelError

_FLOATS = ("float32", "float16", "float64")
_ACTIVATIONS = ("int8", "uint8", "int16")


def stop_before_float(graph: Graph) -> tuple[Graph, tuple[str, ...]]:
    """Return the part of a graph, as read from its file, before floats, and the ops of the rest, in order.

    Raises:
        ModelError: nothing is before them.
    """
    kept = _before_floats(graph)
    left = tuple(operator for operator in graph.operators if operator not in kept)
    if not left:
        return graph, ()
    read = {i for operator in left for i in operator.inputs}
    computed = [i for operator in kept for i in operator.outputs]
    ends = [i for i in graph.outputs if i in computed]
    ends += [i for i in computed if i in read and i not in ends and _is_end(graph, i)]
    kept = _leading_to(kept, ends)
    if not kept:
        raise ModelError(
            f"no operator of {graph.name or 'the model'} is before floats; quantize it: edgecnn export --data"
        )
    sources = {i for operator in kept for i in operator.inputs}
    inputs = tuple(i for i in graph.inputs if i in sources)
    signature = _signature(graph, inputs, tuple(ends))
    part = replace(graph, operators=tuple(kept), inputs=inputs, outputs=tuple(ends), signature=signature)
    return part, tuple(operator.op.removeprefix("CUSTOM:") for operator in left)


def _before_floats(graph: Graph) -> list[Operator]:
    """Return the operators that can run without any that compute floats."""
    known = {i for i, tensor in enumerate(graph.tensors) if tensor.data is not None} | {ABSENT, *graph.inputs}
    kept = []
    for operator in graph.operators:
        if known.issuperset(operator.inputs) and _is_integer(graph, operator):
            kept.append(operator)
            known.update(operator.outputs)
    return kept


def _is_integer(graph: Graph, operator: Operator) -> bool:
    """Tell whether an operator is over integers, or stands between them and floats of the caller."""
    floats = [
        i for i in (*operator.inputs, *operator.outputs) if i != ABSENT and graph.tensors[i].dtype in _FLOATS
    ]
    if ops.is_a(operator, quantize):
        return all(i in graph.inputs for i in floats)
    if ops.is_a(operator, dequantize):
        return all(i in graph.outputs and not graph.consumers(i) for i in floats)
    return not floats


def _is_end(graph: Graph, tensor: int) -> bool:
    maker = graph.producer(tensor)
    numbers = maker is not None and ops.is_a(maker, arg_max)
    return numbers or graph.tensors[tensor].dtype in _ACTIVATIONS


def _leading_to(operators: list[Operator], ends: list[int]) -> list[Operator]:
    """Return the operators on which tensors depend."""
    needed = set(ends)
    kept: list[Operator] = []
    for operator in reversed(operators):
        if needed.intersection(operator.outputs):
            kept.insert(0, operator)
            needed.update(operator.inputs)
    return kept


def _signature(graph: Graph, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Signature:
    """Return names for inputs and outputs: those of the model's signature, or of the tensors."""
    old = graph.signature or Signature("serving_default", 0, (), ())

    def named(numbers: tuple[int, ...]) -> tuple[tuple[str, int], ...]:
        return tuple((old.name(i) or short_name(graph.tensors[i].name), i) for i in numbers)

    return replace(old, inputs=named(inputs), outputs=named(outputs))
