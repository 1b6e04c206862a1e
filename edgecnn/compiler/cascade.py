# SPDX-License-Identifier: Apache-2.0
"""The order in which rows are made, found by running the cascade without its arithmetic.

The deepest step that can fire does. A lazy step, such as the short branch before an ADD, whose rows would
otherwise pile up, waits: until a reader lacks nothing but its rows, or until the other readers of its
input are through with the rows it needs, just before its input's maker fires again.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.steps import Step


@dataclass(frozen=True, eq=False)
class Network:
    """The steps of a graph in an order in which they can run, inputs first, one choice for each operator."""

    steps: tuple[Step, ...]
    height: dict[int, int]  # rows of each tensor
    row_bytes: dict[int, int]
    outputs: tuple[int, ...]
    readers: dict[int, list[int]] = field(default_factory=dict)  # tensor -> steps
    maker: dict[int, int] = field(default_factory=dict)  # tensor -> step
    rows_read: list[list[list[tuple[int, int, int]]]] = field(default_factory=list)  # by step and firing

    @staticmethod
    def of(graph: Graph, steps: Sequence[Step]) -> "Network":
        """Connect `steps` by the tensors of `graph`, whose shapes are (1, rows, columns, channels)."""
        shapes = {i: graph.tensors[i].shape for step in steps for i in (*step.inputs, step.output)}
        network = Network(
            tuple(steps),
            {i: shape[1] for i, shape in shapes.items()},
            {i: shape[2] * shape[3] * graph.tensors[i].itemsize for i, shape in shapes.items()},
            graph.outputs,
        )
        for number, step in enumerate(steps):
            network.maker[step.output] = number
            for tensor in step.inputs:
                network.readers.setdefault(tensor, []).append(number)
            network.rows_read.append(_rows_read(step, network.height))
        return network

    def last_reader(self, tensor: int) -> int:
        """Return the number of the last step that reads `tensor`, or -1."""
        readers = self.readers.get(tensor)
        return readers[-1] if readers else -1

    def read_last_by(self, number: int) -> list[int]:
        """Return the tensors, other than outputs, whose last reader is a step."""
        tensors = dict.fromkeys(self.steps[number].inputs)
        return [t for t in tensors if self.last_reader(t) == number and t not in self.outputs]

    def alive(self, first: int) -> list[int]:
        """Return the tensors, other than outputs, made before step `first` and read by it or later ones."""
        return [
            tensor
            for tensor, maker in self.maker.items()
            if maker < first <= self.last_reader(tensor) and tensor not in self.outputs
        ]

    def reads(self, number: int, firing: int) -> list[tuple[int, int, int]]:
        """Return (tensor, first row, end) for each input of a firing."""
        return self.rows_read[number][firing]


def _rows_read(step: Step, height: dict[int, int]) -> list[list[tuple[int, int, int]]]:
    """Return what each firing of a step reads: the search asks often."""
    return [
        [
            (tensor, *step.reads(position, firing, height[tensor]))
            for position, tensor in enumerate(step.inputs)
        ]
        for firing in range(step.firings)
    ]


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
        self._lazy = lazy
        self._fired = dict.fromkeys(self._range, 0)
        self._done = {
            tensor: height if network.maker[tensor] < first else 0
            for tensor, height in network.height.items()
        }
        self._queue: list[tuple[float, int, int]] = []  # urgency, step, how many further rows it waits for

    def order(self) -> list[int]:
        made: list[int] = []
        for number in self._range:
            self._wake(number)
        while True:
            while self._queue:
                _, number, delay = heapq.heappop(self._queue)
                if self._can_fire(number, delay):
                    made.append(number)
                    self._fire(number)
                elif not self._finished(number) and not delay:
                    self._demand(number)
            # A lazy step that nobody asks for, say because its reader is in a later segment, runs at the end.
            rest = next((number for number in reversed(self._range) if self._can_fire(number)), None)
            if rest is None:
                break
            made.append(rest)
            self._fire(rest)
        assert all(self._finished(number) for number in self._range), "the cascade is stuck"
        return made

    def _push(self, number: int) -> None:
        heapq.heappush(self._queue, (-number, number, 0))

    def _wake(self, number: int) -> None:
        """Let a step fire when its turn comes; a lazy one late, or when its readers ask for it."""
        if number not in self._range:
            return
        if number not in self._lazy:
            self._push(number)
            return
        source = self._network.steps[number].inputs[0]
        if self._network.maker[source] in self._range:
            urgency = -self._network.maker[source] - 0.5
            heapq.heappush(self._queue, (urgency, number, self._delay(number, source)))
        for reader in self._network.readers.get(self._network.steps[number].output, ()):
            self._wake(reader)

    def _delay(self, number: int, source: int) -> int:
        """Return by how many rows the longest window on a tensor exceeds a step's own."""
        extents = {
            reader: max(window.extent for window in self._network.steps[reader].windows)
            for reader in self._network.readers[source]
        }
        return max(extents.values()) - extents[number]

    def _finished(self, number: int) -> bool:
        return self._fired[number] == self._network.steps[number].firings

    def _missing(self, number: int, delay: int = 0) -> list[int]:
        """Return the tensors of whose rows the next firing of a step lacks some."""
        return [
            tensor
            for tensor, _, end in self._network.reads(number, self._fired[number])
            if self._done[tensor] < min(end + delay, self._network.height[tensor])
        ]

    def _can_fire(self, number: int, delay: int = 0) -> bool:
        return not self._finished(number) and not self._missing(number, delay)

    def _fire(self, number: int) -> None:
        step = self._network.steps[number]
        self._done[step.output] = step.completed(self._fired[number])
        self._fired[number] += 1
        for reader in self._network.readers.get(step.output, ()):
            self._wake(reader)
        self._wake(number)

    def _demand(self, number: int) -> None:
        """Let the lazy makers of what a step lacks fire, if it lacks nothing else."""
        makers = [self._network.maker[tensor] for tensor in self._missing(number)]
        if all(maker in self._lazy for maker in makers):
            for maker in makers:
                self._push(maker)
