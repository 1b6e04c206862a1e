# SPDX-License-Identifier: Apache-2.0
"""Chooses how a network runs: where whole tensors cut it, which steps wait, which keep a maximum.

Inside a segment rows cascade through rings; at a cut a whole tensor waits for the next segment. The search is
dynamic programming over the cuts for given steps, in `cuts.py`, and a climb over the steps' alternatives and
lazy ones; whatever it proposes is then measured exactly, by replaying the order.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.scheduling.cascade import Network
from edgecnn.compiler.scheduling.effort import Effort
from edgecnn.compiler.scheduling.measure import Choice, Measure, Schedule, lazy_steps
from edgecnn.errors import ModelError

_FIRST_BOUND = 1024  # bytes
_THOROUGH = 0.5  # of the effort: while less is spent, unlikely cuts are measured, too
_MODES = (False, True)  # whether rows may take the place of rows that have been read, at cuts


@dataclass(frozen=True, eq=False)
class _Found:
    """A schedule, and the choice that led to it.

    By whether rows may take the place of others: the bytes that the search for cuts took its arena for, and
    those needed at least from each step on.
    """

    schedule: Schedule
    choice: Choice
    estimates: dict[bool, float]
    floors: dict[bool, list[float]]


def schedule(
    graph: Graph,
    rows: bool = True,
    limit: int | None = None,
    isa: str = "c99",
    effort: Effort | None = None,
) -> Schedule:
    """Return a schedule of a graph that all passes have gone over.

    Args:
        graph: what to schedule.
        rows: search for the least memory; otherwise every tensor is whole.
        limit: of the schedules whose arena has at most so many bytes, take a fast one, not the smallest.
        isa: the instruction set of the target, whose kernels are taken.
        effort: what the search may take, before it is content with the best schedule so far.

    Raises:
        ModelError: no schedule found fits the limit.
    """
    effort = effort or Effort()
    search = _Search(graph, isa, effort)
    best = search.least() if rows else search.whole()
    if limit is not None and best.arena > limit:
        raise ModelError(
            f"the model needs an arena of {best.arena:,} bytes, but the limit is {limit:,}; "
            + ("raise it, or take a smaller model" if rows else "raise it, or use the rows schedule")
        )
    if rows:
        best = search.quicken(best.arena if limit is None else limit)
        effort.end()
    return best


class _Search:
    def __init__(self, graph: Graph, isa: str, effort: Effort) -> None:
        self._graph = graph
        self._best: _Found | None = None
        self._effort = effort
        self._measure = Measure(graph, isa, effort)
        self._steps = self._measure.steps

    def whole(self) -> Schedule:
        """Return the schedule that runs each operator to its end before the next starts.

        Every step takes its fastest way, or a slower one with less working memory where that makes the
        arena smaller.
        """
        choice = Choice((0,) * len(self._steps))
        best = self._measure.whole(choice)
        for step, ways in enumerate(self._steps):
            for alternative in range(1, len(ways) if ways[0].working else 1):
                slower = choice.with_alternative(step, alternative)
                whole = self._measure.whole(slower)
                if whole.arena < best.arena:
                    best, choice = whole, slower
        return best

    def least(self) -> Schedule:
        """Return the schedule with the smallest arena that the search finds.

        Changes are tried with cuts that promise less than the best ones, then with all that may need less
        once they are measured: what the search for cuts takes an arena for is often too much.
        """
        best = self._first(Choice(tuple(len(alternatives) - 1 for alternatives in self._steps)))
        for promising, share in ((True, 1.0), (False, _THOROUGH)):
            for change in self._changes(best):
                if self._effort.spent >= share * self._effort.limit:
                    break
                choice = change(best.choice)
                if choice != best.choice:
                    best = self._better(best, choice, promising)
                self._effort.note = f"{best.schedule.arena:,} bytes"
        self._best = best
        return best.schedule

    def quicken(self, limit: int) -> Schedule:
        """Return the schedule of `least` with faster alternatives wherever the arena stays within `limit`."""
        assert self._best is not None, "least comes first"
        best = self._best
        for step, current in enumerate(best.choice.alternatives):
            for alternative in range(current):
                quicker = self._quicker(best, best.choice.with_alternative(step, alternative), limit)
                if quicker is not None:
                    best = quicker
                    break
        return best.schedule

    def _quicker(self, best: _Found, choice: Choice, limit: int) -> _Found | None:
        """Return what a faster choice leads to if its arena stays within `limit`, maybe with other cuts."""
        same = self._measure.rows(choice, best.schedule.cuts, limit + 1)
        if same is not None:
            return replace(best, schedule=same, choice=choice)
        if self._effort.exhausted:
            return None
        bounds = {rolling: max(limit, best.estimates[rolling]) + 1 for rolling in _MODES}
        return self._below(limit + 1, best, choice, bounds)

    def _changes(self, best: _Found) -> list[Callable[[Choice], Choice]]:
        """Return the changes to try, those first from which most is to be expected.

        A lazy step pays most where a ring is higher than the readers' windows.
        """
        network, heights = best.schedule.network, best.schedule.heights
        branches = self._branches()
        high = {
            tensor
            for tensor in branches
            if heights.get(tensor, 0) * network.row_bytes[tensor] > network.least_ring.get(tensor, 0)
        }
        return [
            *(partial(Choice.with_lazy, tensor=tensor) for tensor in branches if tensor in high),
            *(partial(Choice.with_column, tensor=tensor) for tensor in self._column_tensors()),
            *(partial(Choice.with_lazy, tensor=tensor) for tensor in branches if tensor not in high),
        ]

    def _first(self, choice: Choice) -> _Found:
        """Return what a choice leads to, looking for small arenas first: their segments are short."""
        network = self._measure.network(choice)
        bound, bounds = float(_FIRST_BOUND), {}
        for rolling in (True, False):
            while (
                self._measure.cuts.best(network, lazy_steps(network, choice), bound, rolling)[1] == math.inf
            ):
                bound += bound // 4
            bounds[rolling] = bound
        return self._found(choice, None, bounds)

    def _better(self, best: _Found, choice: Choice, promising: bool) -> _Found:
        """Return what a choice leads to if its arena is smaller, else `best`."""
        arena, estimates = best.schedule.arena, best.estimates.items()
        if promising:
            bounds = {rolling: min(arena, estimate) for rolling, estimate in estimates}
        else:
            bounds = {rolling: max(arena, estimate) + 1 for rolling, estimate in estimates}
        return self._below(arena, best, choice, bounds) or best

    def _below(self, limit: int, best: _Found, choice: Choice, bounds: dict[bool, float]) -> _Found | None:
        """Return what a choice that differs little from the best leads to, if its arena is below `limit`.

        Most steps are not where memory is short: the cuts may stay. Others are taken where the worst segment
        is below `bounds`.
        """
        network = self._measure.network(choice)
        same = _same_cuts(best, network)
        tried = {same}
        schedule = self._measure.rows(choice, same, limit)
        for rolling in _MODES:
            known = _same_floors(best, network, choice, rolling)
            floors = self._measure.cuts.fill(
                network, len(network.steps) + 1 - len(known), known, bounds[rolling]
            )
            if floors[0]:
                continue
            cuts, estimate = self._measure.cuts.best(
                network, lazy_steps(network, choice), bounds[rolling], rolling, floors
            )
            if estimate < math.inf and cuts not in tried:
                tried.add(cuts)
                smaller = schedule.arena if schedule else limit
                schedule = self._measure.rows(choice, cuts, smaller) or schedule
        if schedule is None:
            return None
        return self._found(
            choice, schedule, {rolling: max(bound, schedule.arena) + 1 for rolling, bound in bounds.items()}
        )

    def _found(self, choice: Choice, schedule: Schedule | None, bounds: dict[bool, float]) -> _Found:
        """Return a choice with its schedule, or one with better cuts."""
        network = self._measure.network(choice)
        lazy = lazy_steps(network, choice)
        estimates, floors = {}, {}
        for rolling in _MODES:
            cuts, estimate = self._measure.cuts.best(network, lazy, bounds[rolling], rolling)
            if estimate < math.inf:
                smaller = schedule.arena if schedule else math.inf
                schedule = self._measure.rows(choice, cuts, smaller) or schedule
            estimates[rolling] = min(estimate, bounds[rolling])
            floors[rolling] = self._measure.cuts.floors(network, lazy, estimates[rolling], rolling)
        assert schedule is not None, "bounds are those of a schedule"
        return _Found(schedule, choice, estimates, floors)

    def _branches(self) -> list[int]:
        """Return the tensors whose makers it may pay to let wait: those a step with several inputs reads."""
        steps = [alternatives[0] for alternatives in self._steps]
        joined = {tensor for step in steps if len(set(step.inputs)) > 1 for tensor in step.inputs}
        return sorted(joined.difference(step.output for step in steps if not step.inputs))

    def _column_tensors(self) -> list[int]:
        """Return the tensors between a depthwise and a 1x1 convolution that nothing else reads."""
        steps = {alternatives[0].output: alternatives[0] for alternatives in self._steps}
        return [
            step.inputs[0]
            for step in steps.values()
            if ops.column_consumer(step)
            and ops.column_producer(steps[step.inputs[0]])
            and len(self._graph.consumers(step.inputs[0])) == 1
            and step.inputs[0] not in self._graph.outside
        ]


def _same_cuts(best: _Found, network: Network) -> tuple[int, ...]:
    """Return the cuts of the best schedule in a network in which some of its steps may have become one."""
    steps = best.schedule.network.steps
    number = 0
    numbers = []  # by the number of a step in the best schedule
    for step in steps:
        numbers.append(number)
        number += step.output in network.maker
    return tuple(sorted({numbers[cut] for cut in best.schedule.cuts}))


def _same_floors(best: _Found, network: Network, choice: Choice, rolling: bool) -> list[float]:
    """Return what a network needs from each step on at least: what the best one does, behind what differs."""
    before = best.schedule.network
    same = 0
    for one, other in zip(reversed(before.steps), reversed(network.steps), strict=False):
        if one is not other or (one.output in best.choice.lazy) != (one.output in choice.lazy):
            break
        same += 1
    return best.floors[rolling][len(before.steps) - same :]
