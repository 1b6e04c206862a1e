# SPDX-License-Identifier: Apache-2.0
"""Inputs that follow each other, for a model that keeps variables, so that its outputs differ.

Noise soon drives such a model into one state, in which it stays: a wake word is not among noise. So patterns
are held for some inferences and changed, and of several such stretches the one is taken, and changed further,
that leads to the most different outputs, or drives one, before its sigmoid or softmax, up the most.
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

_STRETCH = 32  # inferences
_FRESH, _CHANGED, _FEW = 4, 60, 12  # stretches tried anew, then changes of the best one, or a few
_LONGEST = 3  # inferences for which a pattern is held
_MOST_BANDS = 12
_ENOUGH = 20  # different outputs, for which others are tried
_SEEDS = 2
_KINDS = 8  # of patterns: noise is one; half of the others are bands, and half the input before, changed

Inputs = list[NDArray[Any]]  # one of each input of the model


class _Step(NamedTuple):
    """An inference: its inputs, the variables before it, how far up it drove an output, and all outputs."""

    inputs: Inputs
    before: list[NDArray[Any]]
    driven: int
    outputs: bytes


def sequence(graph: Graph, count: int, *, thorough: bool = True) -> list[Inputs]:
    """Return inputs that follow each other from the first values of variables on, always the same ones.

    Args:
        graph: the model as read from its file.
        count: how many.
        thorough: try more, until outputs take 20 different values.

    Raises:
        ModelError: an operator is not supported.
    """
    inner = integer_edges(graph)
    edges = [inner.tensors[i] for i in inner.inputs[: len(graph.inputs)]]
    found = []
    for seed in range(_SEEDS if thorough else 1):
        search = _Search(inner, edges, np.random.default_rng(seed))
        steps, outputs = search.steps(count, _CHANGED if thorough else _FEW)
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
        steps: list[_Step] = []
        while len(steps) < count:
            element = len(steps) // _STRETCH % self._size
            length = min(_STRETCH, count - len(steps))
            enough = len({step.outputs for step in steps}) >= _ENOUGH
            tries = 1 if enough else _FRESH + changes
            steps += self._stretch(length, [step.inputs for step in steps[-1:]], element, tries)
            self._session.variables = steps[-1].before
            self._session.run(steps[-1].inputs)
        return [step.inputs for step in steps], [step.outputs for step in steps]

    def _stretch(self, length: int, before: list[Inputs], element: int, tries: int) -> list[_Step]:
        """Return the best stretch of those tried, which drive an element of the output up."""
        begun = self._session.variables
        best: list[_Step] = []
        for number in range(tries):
            if number < _FRESH:
                tried = self._run([], begun, self._fresh(length, before), element)
            else:
                same, inputs = self._changed(best)
                tried = self._run(best[:same], best[same].before, inputs, element)
            if not best or _worth(tried) >= _worth(best):
                best = tried
            if len({step.outputs for step in tried}) >= min(_ENOUGH, length):
                return tried
        return best

    def _run(
        self, steps: list[_Step], variables: list[NDArray[Any]], inputs: list[Inputs], element: int
    ) -> list[_Step]:
        """Return steps and those that follow with further inputs."""
        self._session.variables = variables
        made = list(steps)
        for values in inputs:
            before, outputs = self._session.variables, self._session.run(values)
            seen = b"".join(value.tobytes() for value in outputs[1 : 1 + self._count])
            made.append(_Step(values, before, int(outputs[0].ravel()[element]), seen))
        return made

    def _fresh(self, length: int, before: list[Inputs]) -> list[Inputs]:
        steps = list(before)
        while len(steps) < length + len(before):
            inputs = [self._frame(edge, at, steps[-1:]) for at, edge in enumerate(self._edges)]
            steps += [inputs] * int(self._rng.integers(1, _LONGEST, endpoint=True))
        return steps[len(before) :][:length]

    def _changed(self, steps: list[_Step]) -> tuple[int, list[Inputs]]:
        """Return how many steps stay, and other inputs from there on, of which the first are changed."""
        begin, held = int(self._rng.integers(len(steps))), int(self._rng.integers(1, _LONGEST, endpoint=True))
        rest = [step.inputs for step in steps[begin:]]
        inputs = [self._frame(edge, at, rest[:1]) for at, edge in enumerate(self._edges)]
        return begin, [inputs if at < held else other for at, other in enumerate(rest)]

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


def _worth(steps: list[_Step]) -> tuple[int, int]:
    """Return how many outputs differ, and how far up the later half drives one.

    The first values of variables alone may drive it far.
    """
    return len({step.outputs for step in steps}), max(step.driven for step in steps[len(steps) // 2 :])
