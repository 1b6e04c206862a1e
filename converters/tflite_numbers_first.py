# SPDX-License-Identifier: Apache-2.0
"""A float .tflite file of numbers to one of bytes: one operator takes the place of what scales them first."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Normalization, Operator, Ranges, Tensor
from edgecnn.compiler.ops import add, mul, reshape, sub
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.converters.tflite_image_first import begun_by, scaled
from edgecnn.models import map_shape

_DIVISION = "DIV"  # no op of the compiler's
Floats = npt.NDArray[np.float64]


def with_unit_numbers(tflite: bytes, ranges: Ranges) -> bytes:
    """Return a file that takes a map of 0 to 1, where it took numbers.

    What it does to each channel first, by constants, goes into the operator that scales them: the numbers
    themselves, of channels whose ranges are not alike, would lose too much in 8 bits.

    Args:
        tflite: a float32 file of one sample.
        ranges: what 0 and 1 of each channel are to it.

    Raises:
        ModelError: it holds what can't be written anew.
    """
    rest, factor, offset = _without_scaling(parse(tflite))
    lows, spans = np.array([low for low, _ in ranges]), np.array([high - low for low, high in ranges])
    deviation = 255 / (spans * factor)  # a byte is (byte - mean) / deviation to the rest
    mean = -(lows * factor + offset) * deviation
    normalization = Normalization(tuple(mean.tolist()), tuple(deviation.tolist()))
    return tflite_bytes(scaled(_over_map(rest), normalization))


def _without_scaling(graph: Graph) -> tuple[Graph, Floats, Floats]:
    """Return a graph without what multiplies and moves its input's channels first, and by what it does."""
    channels = graph.tensors[graph.inputs[0]].shape[-1]
    factor, offset = np.ones(channels), np.zeros(channels)
    while (step := _affine(graph)) is not None:
        operator, by, added = step
        factor, offset = factor * by, offset * by + added
        graph = _without(graph, operator)
    return graph, factor, offset


def _affine(graph: Graph) -> tuple[Operator, Floats, Floats] | None:
    """Return the operator that alone reads the input and scales or moves its channels, and by how much."""
    number = graph.inputs[0]
    readers = graph.consumers(number)
    if len(readers) != 1 or len(readers[0].inputs) != 2 or readers[0].outputs[0] in graph.outputs:
        return None
    [operator], channels = readers, graph.tensors[number].shape[-1]
    first = operator.inputs[0] == number
    constant = graph.tensors[operator.inputs[1 if first else 0]].data
    if constant is None or constant.dtype != np.float32 or constant.size not in (1, channels):
        return None
    if constant.size > 1 and constant.shape[-1] != channels:
        return None
    values = np.broadcast_to(constant.ravel().astype(np.float64), channels)
    effect = _effect(operator, values, first=first)
    return effect and (operator, *effect)


def _effect(operator: Operator, values: Floats, *, first: bool) -> tuple[Floats, Floats] | None:
    """Return what an operator multiplies by and then adds; `first`: the constant comes second."""
    one, none = np.ones(1), np.zeros(1)
    if operator.options.told().get("activation", "none") != "none":
        return None
    if ops.is_a(operator, add):
        return one, values
    if ops.is_a(operator, sub):
        return (one, -values) if first else (-one, values)
    if ops.is_a(operator, mul) and values.all():
        return values, none
    return (1 / values, none) if operator.op == _DIVISION and first and values.all() else None


def _without(graph: Graph, operator: Operator) -> Graph:
    """Return a graph that takes what an operator, the only one to read its input, would make of it."""
    number = operator.outputs[0]
    rest = (other for other in graph.operators if other is not operator)
    names = graph.signature and replace(
        graph.signature, inputs=tuple((name, number) for name, _ in graph.signature.inputs)
    )
    return replace(
        graph,
        operators=tuple(replace(other, index=index) for index, other in enumerate(rest)),
        inputs=(number,),
        signature=names,
    )


def _over_map(graph: Graph) -> Graph:
    """Return a graph that takes a map, whose numbers become its own input's."""
    number = graph.inputs[0]
    given = graph.tensors[number]
    shape = (1, *map_shape(given.shape[1:]))
    if given.shape == shape:
        return graph
    first, sides = len(graph.tensors), np.array(given.shape, np.int32)
    tensors = (
        replace(given, name=f"{given.name}_map", shape=shape),
        Tensor(f"{given.name}_shape", sides.shape, "int32", data=sides),
    )
    operator = Operator(ops.name(reshape), 0, (first, first + 1), (number,))
    return begun_by(graph, operator, tensors, first)
