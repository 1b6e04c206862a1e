# SPDX-License-Identifier: Apache-2.0
"""Chooses how a network runs: where whole tensors cut it, which steps wait, which keep a maximum.

Inside a segment rows cascade through rings; at a cut a whole tensor waits for the next segment. The search is
dynamic programming over the cuts for given steps, in `cuts.py`, and a climb over the steps' alternatives and
lazy ones; whatever it proposes is then measured exactly, by replaying the order.
"""

import math
from dataclasses import dataclass, replace

from edgecnn.compiler import ops
from edgecnn.compiler.cascade import Network, cascade
from edgecnn.compiler.cuts import CutSearch
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.memory import buffers, events_of, place, ring_heights
from edgecnn.compiler.rolling import Rolled, place_rolling
from edgecnn.compiler.steps import Step, column_by_column, takes_columns
from edgecnn.errors import ModelError


@dataclass(frozen=True, eq=False)
class Schedule:
    """A network, the order in which its steps fire, and where everything lies in the arena.

    `cuts` are the numbers of the steps that begin a segment, 0 included. `rolled` says where the tensors lie
    that share memory row by row.
    """

    network: Network
    order: tuple[int, ...]
    cuts: tuple[int, ...]
    heights: dict[int, int]
    offsets: dict[tuple[str, int], int]
    arena: int
    rolled: dict[int, Rolled]


@dataclass(frozen=True)
class _Choice:
    """What the search varies.

    `alternatives` says which of its ways each step takes (0 is the fastest), `lazy` the tensors whose
    makers wait, `columns` the tensors of which a column is kept and no row.
    """

    alternatives: tuple[int, ...]
    lazy: frozenset[int] = frozenset()
    columns: frozenset[int] = frozenset()

    def with_alternative(self, step: int, alternative: int) -> "_Choice":
        """Return this choice with another way for a step."""
        taken = (*self.alternatives[:step], alternative, *self.alternatives[step + 1 :])
        return replace(self, alternatives=taken)


@dataclass(frozen=True, eq=False)
class _Found:
    """A schedule, the choice that led to it, and what the search for cuts took its arena for."""

    schedule: Schedule
    choice: _Choice
    estimate: float


def schedule(
    graph: Graph, rows: bool = True, limit: int | None = None, align: int = 4, isa: str = "c99"
) -> Schedule:
    """Return a schedule of a graph that all passes have gone over.

    Args:
        graph: what to schedule.
        rows: search for the least memory; otherwise every tensor is whole.
        limit: of the schedules whose arena has at most so many bytes, take a fast one, not the smallest.
        align: what every buffer's offset is a multiple of, in bytes.
        isa: the instruction set of the target, whose kernels are taken.

    Raises:
        ModelError: no schedule found fits the limit.
    """
    search = _Search(graph, align, isa)
    found = search.least() if rows else search.whole()
    if limit is not None and found.arena > limit:
        raise ModelError(
            f"the model needs an arena of {found.arena:,} bytes, but the limit is {limit:,}; "
            + ("raise it, or take a smaller model" if rows else "raise it, or use the rows schedule")
        )
    return search.quicken(found.arena if limit is None else limit) if rows else found


def lower(graph: Graph, isa: str) -> list[tuple[Step, ...]]:
    """Return the alternatives of each step: first the graph's inputs, then its operators."""
    made = [(_input_step(graph, tensor, number),) for number, tensor in enumerate(graph.inputs)]
    return made + [ops.lower(graph, operator, isa) for operator in graph.operators]


def _input_step(graph: Graph, tensor: int, number: int) -> Step:
    operator = Operator("INPUT", number, (), (tensor,))
    return Step(operator, "input", (), tensor, (), graph.tensors[tensor].shape[1], {})


class _Search:
    def __init__(self, graph: Graph, align: int, isa: str) -> None:
        self._graph = graph
        self._align = align
        self._steps = lower(graph, isa)
        self._best: _Found | None = None
        self._cuts = CutSearch(align)
        self._merged: dict[tuple[Step, Step], Step] = {}

    def whole(self) -> Schedule:
        """Return the schedule that runs each operator to its end before the next starts.

        Every step takes its fastest way, or a slower one with less working memory where that makes the
        arena smaller.
        """
        cuts = tuple(range(len(self._steps)))
        choice = _Choice((0,) * len(cuts))
        best = self._measure(choice, cuts, whole=True)
        for step, ways in enumerate(self._steps):
            for alternative in range(1, len(ways) if ways[0].working else 1):
                slower = choice.with_alternative(step, alternative)
                found = self._measure(slower, cuts, whole=True)
                if found.arena < best.arena:
                    best, choice = found, slower
        return best

    def least(self) -> Schedule:
        """Return the schedule with the smallest arena that the search finds."""
        best = self._try(_Choice(tuple(len(alternatives) - 1 for alternatives in self._steps)), math.inf)
        assert best is not None, "without a bound there is always a schedule"
        for tensor in self._branches():
            best = self._better(best, replace(best.choice, lazy=best.choice.lazy | {tensor}))
        for tensor in self._column_tensors():
            best = self._better(best, replace(best.choice, columns=best.choice.columns | {tensor}))
        self._best = best
        return best.schedule

    def quicken(self, limit: int) -> Schedule:
        """Return the schedule of `least` with faster alternatives wherever the arena stays within `limit`."""
        assert self._best is not None, "least comes first"
        best = self._best
        bound = max(limit, best.estimate) + 1
        for step, current in enumerate(best.choice.alternatives):
            for alternative in range(current):
                choice = best.choice.with_alternative(step, alternative)
                # Most steps are not where memory is short: the cuts may stay, and need no search.
                same = self._measure(choice, best.schedule.cuts)
                fits = same.arena <= limit
                found = replace(best, schedule=same, choice=choice) if fits else self._try(choice, bound)
                if found is not None and found.schedule.arena <= limit:
                    best = found
                    break
        return best.schedule

    def _better(self, best: "_Found", choice: _Choice) -> "_Found":
        """Return what a choice leads to if its arena is smaller, else `best`."""
        found = self._try(choice, max(best.estimate, best.schedule.arena) + 1)
        return best if found is None or found.schedule.arena >= best.schedule.arena else found

    def _network(self, choice: _Choice) -> Network:
        steps: dict[int, Step] = {}  # by the tensor each makes
        for alternatives, taken in zip(self._steps, choice.alternatives, strict=True):
            step = alternatives[taken]
            if step.inputs and step.inputs[0] in choice.columns:
                step = self._column_by_column(steps.pop(step.inputs[0]), step)
            steps[step.output] = step
        return Network.of(self._graph, list(steps.values()))

    def _column_by_column(self, before: Step, step: Step) -> Step:
        """Return the one step for two; the same object each time, so that what is known of it is found."""
        if (before, step) not in self._merged:
            made = self._graph.tensors[step.output]
            self._merged[before, step] = column_by_column(before, step, made.shape[2], made.itemsize)
        return self._merged[before, step]

    def _branches(self) -> list[int]:
        """Return the tensors whose makers it may pay to let wait: those a step with several inputs reads."""
        steps = [alternatives[0] for alternatives in self._steps]
        joined = {tensor for step in steps if len(set(step.inputs)) > 1 for tensor in step.inputs}
        return sorted(joined.difference(self._graph.inputs))

    def _column_tensors(self) -> list[int]:
        """Return the tensors between a depthwise and a 1x1 convolution that nothing else reads."""
        steps = {alternatives[0].output: alternatives[0] for alternatives in self._steps}
        return [
            step.inputs[0]
            for step in steps.values()
            if takes_columns(step)
            and steps[step.inputs[0]].kernel.startswith("depthwise_conv_2d")
            and len(self._graph.consumers(step.inputs[0])) == 1
            and step.inputs[0] not in self._graph.outputs
        ]

    def _try(self, choice: _Choice, bound: float) -> "_Found | None":
        """Return the schedule with the best cuts for a choice, or None where it is not below `bound`."""
        network = self._network(choice)
        found: dict[tuple[int, ...], _Found] = {}
        for rolling in (False, True):
            cuts, estimate = self._cuts.best(network, _waiting(network, choice), bound, rolling)
            if estimate < math.inf and cuts not in found:
                found[cuts] = _Found(self._measure(choice, cuts), choice, estimate)
        return min(found.values(), key=lambda one: one.schedule.arena, default=None)

    def _measure(self, choice: _Choice, cuts: tuple[int, ...], whole: bool = False) -> Schedule:
        network = self._network(choice)
        lazy, ends = _waiting(network, choice), (*cuts[1:], len(network.steps))
        order = [n for first, end in zip(cuts, ends, strict=True) for n in cascade(network, first, end, lazy)]
        events = events_of(network, order)
        heights = ring_heights(events)
        for tensor in network.outputs:
            heights[tensor] = network.height[tensor]
        found = buffers(network, order, events, heights, cuts, self._align)
        if whole:
            return Schedule(network, tuple(order), cuts, heights, *place(found, self._align), {})
        placed = place_rolling(network, events, cuts, found, self._align)
        return Schedule(network, tuple(order), cuts, heights, *placed)


def _waiting(network: Network, choice: _Choice) -> frozenset[int]:
    """Return the numbers of the lazy steps."""
    return frozenset(network.maker[tensor] for tensor in choice.lazy if tensor in network.maker)
