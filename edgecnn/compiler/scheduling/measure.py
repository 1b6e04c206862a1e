# SPDX-License-Identifier: Apache-2.0
"""Measures exactly what a choice and its cuts lead to: replays the order, and places all buffers."""

import math
from dataclasses import dataclass, replace

from edgecnn.compiler import isa as instruction_sets
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.scheduling.cascade import Network, Reads
from edgecnn.compiler.scheduling.cuts import CutSearch
from edgecnn.compiler.scheduling.effort import Effort
from edgecnn.compiler.scheduling.memory import buffers, events_of, place, ring_heights
from edgecnn.compiler.scheduling.rolling import Rolled, place_rolling
from edgecnn.compiler.scheduling.views import read_in_place
from edgecnn.compiler.steps import INPUT, VARIABLE, Step, column_by_column

_MEASURED = 32  # steps of the search for each of the network's


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
class Choice:
    """What the search varies.

    `alternatives` says which of its ways each step takes (0 is the fastest), `lazy` the tensors whose
    makers wait, `columns` the tensors of which a column is kept and no row.
    """

    alternatives: tuple[int, ...]
    lazy: frozenset[int] = frozenset()
    columns: frozenset[int] = frozenset()

    def with_alternative(self, step: int, alternative: int) -> "Choice":
        """Return this choice with another way for a step."""
        taken = (*self.alternatives[:step], alternative, *self.alternatives[step + 1 :])
        return replace(self, alternatives=taken)

    def with_lazy(self, tensor: int) -> "Choice":
        """Return this choice with the maker of a tensor waiting."""
        return replace(self, lazy=self.lazy | {tensor})

    def with_column(self, tensor: int) -> "Choice":
        """Return this choice with a column of a tensor kept, and no row."""
        return replace(self, columns=self.columns | {tensor})


def lower(graph: Graph, isa: str) -> list[tuple[Step, ...]]:
    """Return the alternatives of each step: first the graph's inputs, then variables, then its operators."""
    steps: list[tuple[Step, ...]] = [
        (_input_step(graph, tensor, number),) for number, tensor in enumerate(graph.inputs)
    ]
    steps += [
        (_variable_step(graph, variable.before, number),)
        for number, variable in enumerate(graph.variables)
        if variable.before != variable.after
    ]
    steps += [instruction_sets.lower(graph, operator, isa) for operator in graph.operators]
    return read_in_place(graph, steps) if graph.variables else steps


def _input_step(graph: Graph, tensor: int, number: int) -> Step:
    operator = Operator("INPUT", number, (), (tensor,))
    return Step(operator, INPUT, (), tensor, (), graph.tensors[tensor].shape[1], {})


def _variable_step(graph: Graph, tensor: int, number: int) -> Step:
    operator, rows = Operator("VARIABLE", number, (), (tensor,)), graph.tensors[tensor].shape[1]
    return Step(operator, VARIABLE, (), tensor, (), 1, {}, rows_per_group=rows)


class Measure:
    """What choices lead to, for one graph. What it costs is counted as `effort`."""

    def __init__(self, graph: Graph, isa: str, effort: Effort) -> None:
        self.steps = lower(graph, isa)
        self.cuts = CutSearch(effort)
        self._graph = graph
        self._effort = effort
        self._merged: dict[tuple[Step, Step], Step] = {}
        self._reads: dict[Step, Reads] = {}
        self._network: tuple[Choice, Network] | None = None  # the last that was asked for

    def network(self, choice: Choice) -> Network:
        """Return the network of the steps that a choice takes."""
        if self._network is None or self._network[0] != choice:
            self._network = choice, self._connect(choice)
        return self._network[1]

    def _connect(self, choice: Choice) -> Network:
        steps: dict[int, Step] = {}  # by the tensor each makes
        for alternatives, taken in zip(self.steps, choice.alternatives, strict=True):
            step = alternatives[taken]
            if step.inputs and step.inputs[0] in choice.columns:
                step = self._column_by_column(steps.pop(step.inputs[0]), step)
            steps[step.output] = step
        return Network.of(self._graph, list(steps.values()), self._reads)

    def _column_by_column(self, before: Step, step: Step) -> Step:
        """Return the one step for two; the same object each time, so that what is known of it is found."""
        if (before, step) not in self._merged:
            output = self._graph.tensors[step.output]
            self._merged[before, step] = column_by_column(before, step, output.shape[2], output.itemsize)
        return self._merged[before, step]

    def whole(self, choice: Choice) -> Schedule:
        """Return the schedule that runs each step to its end before the next starts."""
        whole = self._schedule(choice, tuple(range(len(self.steps))), math.inf, rolling=False)
        assert whole is not None, "without a limit there is always a schedule"
        return whole

    def rows(self, choice: Choice, cuts: tuple[int, ...], limit: float = math.inf) -> Schedule | None:
        """Return the schedule of a choice and its cuts, or None where its arena is not below `limit`."""
        return self._schedule(choice, cuts, limit, rolling=True)

    def _schedule(
        self, choice: Choice, cuts: tuple[int, ...], limit: float, rolling: bool
    ) -> Schedule | None:
        network = self.network(choice)
        lazy, ends = lazy_steps(network, choice), (*cuts[1:], len(network.steps))
        self._effort.spend(_MEASURED * len(network.steps))
        order = [
            n
            for first, end in zip(cuts, ends, strict=True)
            for n in self.cuts.order(network, first, end, lazy)
        ]
        events = events_of(network, order)
        heights = ring_heights(events)
        for tensor in network.outputs:
            if tensor in network.height:  # what else a step makes has none
                heights[tensor] = network.height[tensor]
        held = buffers(network, events, heights, cuts)
        placed: tuple[dict[tuple[str, int], int], int, dict[int, Rolled]] | None
        if rolling:
            placed = place_rolling(network, events, cuts, held, limit, self._effort)
        else:
            placed = *place(held), {}
        return None if placed is None else Schedule(network, tuple(order), cuts, heights, *placed)


def lazy_steps(network: Network, choice: Choice) -> frozenset[int]:
    """Return the numbers of the lazy steps."""
    return frozenset(network.maker[tensor] for tensor in choice.lazy if tensor in network.maker)
