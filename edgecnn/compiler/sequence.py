# SPDX-License-Identifier: Apache-2.0
"""Inputs that follow each other, for a model that keeps variables, so that its outputs differ.

Noise soon drives such a model into one state, in which it stays: a wake word is not among noise. So patterns
are held for some inferences and changed, and of several such stretches the one is taken, and changed further,
that drives the output, before its sigmoid or softmax, up the most.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import ops, quant, reference
from edgecnn.compiler.ir import Graph, Tensor
from edgecnn.compiler.ops import log_softmax, logistic, softmax
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.passes.variables_as_edges import variables_as_edges

_STRETCH = 16  # inferences
_FRESH, _CHANGED = 4, 12  # stretches tried anew, then changes of the best one
_LONGEST = 5  # inferences for which a pattern is held
_MOST_BANDS = 12
_ENOUGH = 20  # different outputs, for which others are tried
_SEEDS = 3
_KINDS = 8  # of patterns: noise is one; half of the others are bands, and half the input before, changed

Inputs = list[NDArray[Any]]  # one of each input of the model


class _Tried(NamedTuple):
    driven: int  # how far up the output was driven
    steps: list[Inputs]
    outputs: list[bytes]
    variables: list[NDArray[Any]]


def sequence(graph: Graph, count: int, *, thorough: bool = True) -> list[Inputs]:
    """Return inputs that follow each other from the first values of variables on, always the same ones.

    Args:
        graph: the model as read from its file.
        count: how many.
        thorough: try more, until outputs take 20 different values.

    Raises:
        ModelError: an operator is not supported.
    """
    inner = integer_edges(variables_as_edges(graph))
    edges = [inner.tensors[i] for i in inner.inputs[: len(graph.inputs)]]
    found = []
    for seed in range(_SEEDS if thorough else 1):
        search = _Search(inner, edges, np.random.default_rng(seed))
        steps, outputs = search.steps(count, _CHANGED if thorough else 0)
        found.append((len(set(outputs)), -seed, steps))
        if len(set(outputs)) >= min(_ENOUGH, count):
            break
    return max(found, key=lambda one: one[:2])[2]


class _Search:
    def __init__(self, graph: Graph, edges: Sequence[Tensor], rng: np.random.Generator) -> None:
        self._edges, self._rng, self._count = edges, rng, len(graph.outputs) - len(graph.variables)
        driven = graph.outputs[0]
        maker = graph.producer(driven)
        if maker is not None and ops.is_a(maker, logistic, softmax, log_softmax):
            driven = maker.inputs[0]
        self._size = graph.tensors[driven].size
        self._session = reference.Session(replace(graph, outputs=(driven, *graph.outputs)))

    def steps(self, count: int, changes: int) -> tuple[list[Inputs], list[bytes]]:
        """Return so many inputs, and the outputs that they lead to."""
        steps: list[Inputs] = []
        outputs: list[bytes] = []
        while len(steps) < count:
            number = len(steps) // _STRETCH
            best = self._stretch(min(_STRETCH, count - len(steps)), steps[-1:], number % self._size, changes)
            steps += best.steps
            outputs += best.outputs
            self._session.variables = best.variables
        return steps, outputs

    def _stretch(self, length: int, before: list[Inputs], element: int, changes: int) -> _Tried:
        """Return the stretch of those tried that drives an element of the output up the most."""
        begun = self._session.variables
        best: _Tried | None = None
        for number in range(_FRESH + changes):
            if best is None or number < _FRESH:
                steps = self._fresh(length, before)
            else:
                steps = self._changed(best.steps)
            self._session.variables = begun
            tried = self._try(steps, element)
            if best is None or tried.driven >= best.driven:
                best = tried
            if len(set(tried.outputs)) == length:
                return tried
        assert best is not None, "one stretch is tried"
        return best

    def _try(self, steps: list[Inputs], element: int) -> _Tried:
        made = [self._session.run(inputs) for inputs in steps]
        # The first values of variables alone may drive it far.
        driven = max(int(values[0].ravel()[element]) for values in made[len(made) // 2 :])
        outputs = [b"".join(value.tobytes() for value in values[1 : 1 + self._count]) for values in made]
        return _Tried(driven, steps, outputs, self._session.variables)

    def _fresh(self, length: int, before: list[Inputs]) -> list[Inputs]:
        steps = list(before)
        while len(steps) < length + len(before):
            inputs = [self._frame(edge, at, steps[-1:]) for at, edge in enumerate(self._edges)]
            steps += [inputs] * int(self._rng.integers(1, _LONGEST, endpoint=True))
        return steps[len(before) :][:length]

    def _changed(self, steps: list[Inputs]) -> list[Inputs]:
        begin, held = int(self._rng.integers(len(steps))), int(self._rng.integers(1, _LONGEST, endpoint=True))
        inputs = [self._frame(edge, at, steps[begin : begin + 1]) for at, edge in enumerate(self._edges)]
        return [inputs if begin <= at < begin + held else other for at, other in enumerate(steps)]

    def _frame(self, edge: Tensor, number: int, before: list[Inputs]) -> NDArray[Any]:
        """Return noise, or bands of levels along the longest axis, anew or changed from the input before."""
        low, high = quant.limits(edge.dtype)
        kind = int(self._rng.integers(_KINDS))
        if kind == 0:
            return reference.random_values(self._rng, edge.shape, edge.dtype)
        axis = int(np.argmax(edge.shape))
        bands = 1 if kind == 1 else int(self._rng.integers(1, _MOST_BANDS, endpoint=True))
        fresh = kind < _KINDS // 2 or not before
        if fresh:
            levels = self._rng.integers(low, high, bands, endpoint=True).astype(np.float64)
        else:
            levels = self._rng.normal(0, (high - low) / 4, bands)
        along = levels[np.arange(edge.shape[axis]) * bands // edge.shape[axis]]
        values = np.moveaxis(np.broadcast_to(along, (*np.delete(edge.shape, axis), along.size)), -1, axis)
        if not fresh:
            values = values + before[0][number]
        return np.asarray(np.clip(values, low, high).astype(edge.dtype))
