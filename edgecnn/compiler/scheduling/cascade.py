# SPDX-License-Identifier: Apache-2.0
"""The order in which rows are made, found by running the cascade without its arithmetic.

The deepest step that can fire does. A lazy step, such as the short branch before an ADD, whose rows would
otherwise pile up, waits: until a reader lacks nothing but its rows, or until the other readers of its
input are through with the rows it needs, just before its input's maker fires again.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.steps import Step


@dataclass(frozen=True, eq=False)
class Reads:
    """What the firings of a step read.

    `rows` is (tensor, first row, end) of each input, by firing; `last` is, by tensor and row, the last firing
    that reads that row, or -1; `most` is the most rows of a tensor that a firing reads.
    """

    rows: list[list[tuple[int, int, int]]]
    last: dict[int, NDArray[np.int64]]
    most: dict[int, int]

    @staticmethod
    def of(step: Step, height: dict[int, int]) -> "Reads":
        """Return what the firings of a step read of tensors with so many rows."""
        rows = [
            [
                (tensor, *step.reads(position, firing, height[tensor]))
                for position, tensor in enumerate(step.inputs)
            ]
            for firing in range(step.firings)
        ]
        last = {tensor: np.full(height[tensor], -1, np.int64) for tensor in step.inputs}
        most = dict.fromkeys(step.inputs, 1)
        for firing, inputs in enumerate(rows):
            for tensor, first, end in inputs:
                last[tensor][first:end] = firing
                most[tensor] = max(most[tensor], end - first)
        return Reads(rows, last, most)


@dataclass(frozen=True, eq=False)
class Network:
    """The steps of a graph in an order in which they can run, inputs first, one choice for each operator."""

    steps: tuple[Step, ...]
    height: dict[int, int]  # rows of each tensor
    row_bytes: dict[int, int]
    outputs: tuple[int, ...]  # what lies outside the arena: variables, too
    readers: dict[int, list[int]] = field(default_factory=dict)  # tensor -> steps
    maker: dict[int, int] = field(default_factory=dict)  # tensor -> step
    least_ring: dict[int, int] = field(default_factory=dict)  # bytes of rows that a reader asks for at once
    read_last: list[list[int]] = field(default_factory=list)  # by step: what no later one reads, but outputs
    all_reads: list[Reads] = field(default_factory=list)  # by step

    @staticmethod
    def of(graph: Graph, steps: Sequence[Step], known: dict[Step, Reads] | None = None) -> "Network":
        """Connect `steps` by the tensors of `graph`, whose shapes are (1, rows, columns, channels).

        What is `known` of steps is taken from there, and added: the search asks for many networks.
        """
        known = {} if known is None else known
        shapes = {i: graph.tensors[i].shape for step in steps for i in (*step.inputs, step.output)}
        network = Network(
            tuple(steps),
            {i: shape[1] for i, shape in shapes.items()},
            {i: shape[2] * shape[3] * graph.tensors[i].itemsize for i, shape in shapes.items()},
            graph.outside,
        )
        for number, step in enumerate(steps):
            network.maker[step.output] = number
            for tensor in step.inputs:
                network.readers.setdefault(tensor, []).append(number)
            if step not in known:
                known[step] = Reads.of(step, network.height)
            network.all_reads.append(known[step])
            for tensor, rows in known[step].most.items():
                size = rows * network.row_bytes[tensor]
                network.least_ring[tensor] = max(network.least_ring.get(tensor, 0), size)
        for number, step in enumerate(steps):
            last = [tensor for tensor in dict.fromkeys(step.inputs) if network.last_reader(tensor) == number]
            network.read_last.append([tensor for tensor in last if tensor not in network.outputs])
        return network

    def last_reader(self, tensor: int) -> int:
        """Return the number of the last step that reads `tensor`, or -1."""
        readers = self.readers.get(tensor)
        return readers[-1] if readers else -1

    def alive(self, first: int) -> list[int]:
        """Return the tensors, other than outputs, made before step `first` and read by it or later ones."""
        return [
            tensor
            for tensor, maker in self.maker.items()
            if maker < first <= self.last_reader(tensor) and tensor not in self.outputs
        ]

    def reads(self, number: int, firing: int) -> list[tuple[int, int, int]]:
        """Return (tensor, first row, end) for each input of a firing."""
        return self.all_reads[number].rows[firing]


def cascade(network: Network, first: int, end: int, lazy: frozenset[int]) -> list[int]:
    """Return the numbers of the steps in the order in which they fire.

    Only steps `first` to `end` - 1 fire; what earlier ones make is whole from the start.
    """
    run = _Run(network, first, end, lazy)
    return run.order()


class _Run:
    """The state of a cascade: how often each step has fired, how many rows of each tensor are complete."""

    def __init__(self, network: Network, first: int, end: int, lazy: frozenset[int]) -> None:
        self._network = network
        self._range = range(first, end)
        self._lazy = lazy.intersection(self._range)
        self._rows = {number: network.all_reads[number].rows for number in self._range}
        self._fired = dict.fromkeys(self._range, 0)
        self._done = {
            tensor: height if network.maker[tensor] < first else 0
            for tensor, height in network.height.items()
        }
        self._readers = {
            number: [
                reader
                for reader in network.readers.get(network.steps[number].output, ())
                if first <= reader < end
            ]
            for number in self._range
        }
        self._askers = {reader for number in self._lazy for reader in self._readers[number]}
        self._queue: list[tuple[float, int, int]] = []  # urgency, step, how many further rows it waits for
        self._made: list[int] = []

    def order(self) -> list[int]:
        for number in self._range:
            self._wake(number)
        while True:
            self._drain()
            # A lazy step that nobody asks for, say because its reader is in a later segment, runs at the end.
            rest = next((number for number in reversed(self._range) if self._can_fire(number)), None)
            if rest is None:
                break
            self._fire(rest)
        assert all(map(self._finished, self._range)), "the cascade is stuck"
        return self._made

    def _drain(self) -> None:
        """Let the most urgent step of the queue fire if it can, until the queue is empty."""
        while self._queue:
            _, number, delay = heapq.heappop(self._queue)
            if self._can_fire(number, delay):
                self._fire(number)
            elif not delay and not self._finished(number):
                self._demand(number)

    def _push(self, number: int) -> None:
        # Who can't fire may ask its lazy makers; without any it is woken when what it lacks is made.
        if number in self._askers or self._can_fire(number):
            heapq.heappush(self._queue, (-number, number, 0))

    def _wake(self, number: int) -> None:
        """Let a step fire when its turn comes; a lazy one late, or when its readers ask for it."""
        if number not in self._lazy:
            self._push(number)
            return
        source = self._network.steps[number].inputs[0]
        if self._network.maker[source] in self._range:
            urgency = -self._network.maker[source] - 0.5
            heapq.heappush(self._queue, (urgency, number, self._delay(number, source)))
        for reader in self._readers[number]:
            self._wake(reader)

    def _delay(self, number: int, source: int) -> int:
        """Return by how many rows the longest window on a tensor exceeds a step's own."""
        extents = {
            reader: max(window.extent for window in self._network.steps[reader].windows)
            for reader in self._network.readers[source]
        }
        return max(extents.values()) - extents[number]

    def _finished(self, number: int) -> bool:
        return self._fired[number] == len(self._rows[number])

    def _missing(self, number: int) -> list[int]:
        """Return the tensors of whose rows the next firing of a step lacks some."""
        reads = self._rows[number][self._fired[number]]
        return [tensor for tensor, _, end in reads if self._done[tensor] < end]

    def _can_fire(self, number: int, delay: int = 0) -> bool:
        fired, rows = self._fired[number], self._rows[number]
        if fired == len(rows):
            return False
        for tensor, _, end in rows[fired]:
            done = self._done[tensor]
            if done < end or (delay and done < min(end + delay, self._network.height[tensor])):
                return False
        return True

    def _fire(self, number: int) -> None:
        step = self._network.steps[number]
        self._made.append(number)
        self._done[step.output] = step.completed(self._fired[number], self._network.height[step.output])
        self._fired[number] += 1
        for reader in self._readers[number]:
            self._wake(reader)
        self._wake(number)

    def _demand(self, number: int) -> None:
        """Let the lazy makers of what a step lacks fire, if it lacks nothing else."""
        makers = [self._network.maker[tensor] for tensor in self._missing(number)]
        if all(maker in self._lazy for maker in makers):
            for maker in makers:
                self._push(maker)
