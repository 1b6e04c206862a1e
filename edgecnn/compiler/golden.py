# SPDX-License-Identifier: Apache-2.0
"""The golden vectors of a model: inputs that a self-test stores, and what the model makes of them.

They follow from the model's file alone, so that whoever has it can tell what a device should print. No
picture of anybody is among them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import quant, reference
from edgecnn.compiler.ir import Graph, Tensor
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.sequence import sequence

_MOST_BYTES = 65536  # of all inputs: more of them would only make the file long
_MOST_VECTORS = 3
_MOST_BLOCKS = 8
_MOST_STEPS = 16  # of a model that keeps variables, from their first values on


@dataclass(frozen=True)
class Vector:
    """A value of each input, and what the NumPy references make of them, both as integers."""

    inputs: list[NDArray[Any]]
    outputs: list[NDArray[Any]]


def golden_vectors(graph: Graph) -> list[Vector]:
    """Return noise, and pictures of blocks that the model answers in another way.

    Noise reaches all that an input can be; but a trained classifier calls most of it the same, and is so sure
    that an error inside it may not reach the answer. So of eight pictures of 1x1 to 8x8 blocks those come
    first whose answers none before them has.

    Args:
        graph: the model as read from its file.

    Raises:
        ModelError: an operator is not supported.
    """
    if graph.variables:
        return _one_after_the_other(graph)
    inner, rng = integer_edges(graph), np.random.default_rng(0)
    edges = [inner.tensors[i] for i in inner.inputs]
    count = _count(edges, _MOST_VECTORS)
    taken: list[Vector] = []
    others: list[Vector] = []
    answers = set()
    for inputs in _candidates(edges, rng):
        vector = Vector(inputs, reference.run(inner, inputs))
        answer = _answer(inner, vector)
        (others if answer in answers else taken).append(vector)
        answers.add(answer)
        if len(taken) == count:
            break
    return [*taken, *others][:count]


def _count(edges: Sequence[Tensor], most: int) -> int:
    return max(1, min(most, _MOST_BYTES // sum(edge.size * edge.itemsize for edge in edges)))


def _one_after_the_other(graph: Graph) -> list[Vector]:
    """Return the first inferences of a model that keeps variables, from their first values on."""
    session = reference.Session(integer_edges(graph))
    edges = session.graph.inputs[: len(graph.inputs)]
    steps = sequence(graph, _count([session.graph.tensors[i] for i in edges], _MOST_STEPS), thorough=False)
    return [Vector(inputs, session.run(inputs)[: len(graph.outputs)]) for inputs in steps]


def _candidates(edges: Sequence[Tensor], rng: np.random.Generator) -> Iterator[list[NDArray[Any]]]:
    yield [reference.random_values(rng, edge.shape, edge.dtype) for edge in edges]
    yield from pictures(edges, rng)


def pictures(edges: Sequence[Tensor], rng: np.random.Generator) -> Iterator[list[NDArray[Any]]]:
    """Yield values for inputs like `edges`: pictures of 1x1 to 8x8 blocks of random levels."""
    for blocks in range(1, _MOST_BLOCKS + 1):
        yield [_picture(rng, edge, blocks) for edge in edges]


def _picture(rng: np.random.Generator, edge: Tensor, blocks: int) -> NDArray[Any]:
    """Return blocks x blocks random levels, between two that are random too, as large as an input.

    An input that is no map is a single column.
    """
    least, most = quant.limits(edge.dtype)
    low, high = sorted(rng.integers(least, most, 2, endpoint=True))
    shape = edge.shape if len(edge.shape) == 4 else (1, edge.size, 1, 1)
    levels = rng.integers(low, high, (shape[0], blocks, blocks, shape[3]), endpoint=True)
    rows, columns = (np.arange(size) * blocks // size for size in shape[1:3])
    picture: NDArray[Any] = levels[:, rows][:, :, columns].astype(edge.dtype).reshape(edge.shape)
    return picture


def _answer(graph: Graph, vector: Vector) -> tuple[int, ...]:
    """Return for each output where it is largest; of a single number, whether it says yes."""
    answer = []
    for number, values in zip(graph.outputs, vector.outputs, strict=True):
        quantization = graph.tensors[number].quantization
        if values.size > 1 or quantization is None:
            answer.append(int(values.argmax()))
        else:
            real = quantization.scale * (int(values.ravel()[0]) - quantization.zero_point)
            answer.append(int(real >= graph.threshold))
    return tuple(answer)
