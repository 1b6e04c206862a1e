# SPDX-License-Identifier: Apache-2.0
"""Finds where whole tensors cut a network into segments so that the worst segment needs the least memory.

In a deepest-first cascade the steps before a given one fire in the same order whether or not later ones are
there, so one cascade from each start gives the rings of every segment that starts there.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.cascade import Network, cascade
from edgecnn.compiler.memory import aligned, events_of, ring_heights
from edgecnn.compiler.steps import Step

_AHEAD = 16  # steps that a search looks at first


@dataclass(frozen=True, eq=False)
class _Stretch:
    """How high rings are, at which positions rows are begun, and, sorted, at which they are last read."""

    heights: dict[int, int]
    begun: dict[int, NDArray[np.int64]]
    last_read: dict[int, NDArray[np.int64]]


class CutSearch:
    """Dynamic programming over the cuts of a network whose buffers are aligned to `align` bytes.

    Networks that are asked about one after the other differ in few steps: what is found out about a stretch
    is kept for those that have it too.
    """

    def __init__(self, align: int) -> None:
        self._align = align
        # By the steps of a stretch, and which of them wait.
        self._known: dict[tuple[tuple[Step, ...], frozenset[int]], _Stretch] = {}

    def best(
        self, network: Network, lazy: frozenset[int], bound: float = math.inf, rolling: bool = True
    ) -> tuple[tuple[int, ...], float]:
        """Return the steps that begin a segment, and the bytes of the worst segment.

        With `rolling` a segment's rows may take the place of rows that have been read, of what the one before
        made; whether there is such a place remains to be seen. Segments of `bound` bytes or more don't
        interest; where all are, the bytes are infinite.
        """
        count = len(network.steps)
        worst = [0.0] + [math.inf] * count
        came_from = [0] * (count + 1)
        for first in range(count):
            if worst[first] == math.inf:
                continue
            before = came_from[first] if rolling else first
            sizes = self._sizes(network, before, first, lazy, bound)
            for end, size in enumerate(sizes, start=first + 1):
                cost = max(worst[first], size)
                # Of equal costs the earlier start wins: rings need less than whole tensors beside.
                if cost < worst[end]:
                    worst[end], came_from[end] = cost, first
        cuts = [came_from[count]]
        while cuts[-1]:
            cuts.append(came_from[cuts[-1]])
        return tuple(reversed(cuts)), worst[count]

    def _sizes(
        self, network: Network, before: int, first: int, lazy: frozenset[int], bound: float
    ) -> list[int]:
        """Return the bytes that live during the segments from `first` to `first`, `first` + 1, ...

        The segment before begins at `before`. The list ends where rings alone reach `bound`: a longer segment
        has more of them. As most do so soon, the cascade looks ahead a few steps, and then farther.
        """
        ahead = _AHEAD
        while True:
            horizon = min(first + ahead, len(network.steps))
            sizes = self._bytes(network, before, first, self._stretch(network, first, horizon, lazy), bound)
            if len(sizes) < horizon - first or horizon == len(network.steps):
                return sizes
            ahead *= 2

    def _stretch(self, network: Network, first: int, horizon: int, lazy: frozenset[int]) -> _Stretch:
        """Return what happens while the steps from `first` up to `horizon` cascade."""
        waiting = frozenset(number - first for number in lazy if first <= number < horizon)
        key = (network.steps[first:horizon], waiting)
        if key not in self._known:
            events = events_of(network, cascade(network, first, horizon, lazy))
            self._known[key] = _Stretch(
                ring_heights(events),
                {tensor: np.array(rows) for tensor, rows in events.begun.items()},
                {tensor: np.sort(rows) for tensor, rows in events.last_read.items()},
            )
        return self._known[key]

    def _bytes(self, network: Network, before: int, first: int, stretch: _Stretch, bound: float) -> list[int]:
        """Return the bytes of the segments that begin at `first`, up to one whose rings reach `bound`.

        A tensor whose readers are all inside is a ring; one that comes from before or is read later is whole,
        but rows that are made may take the place of rows that have been read of what the segment before made.
        """
        sizes: list[int] = []
        inside = working = 0
        passing, dying, growing = set(network.alive(first)), set[int](), set[int]()
        for number in range(first, first + len(stretch.heights)):
            step = network.steps[number]
            inside += aligned(step.scratch, self._align)
            working = max(working, aligned(step.working, self._align))
            if network.last_reader(step.output) > number and step.output not in network.outputs:
                growing.add(step.output)
            for tensor in network.read_last_by(number):
                if tensor in growing:
                    growing.remove(tensor)
                    inside += aligned(stretch.heights[tensor] * network.row_bytes[tensor], self._align)
                elif network.maker[tensor] >= before:
                    passing.remove(tensor)
                    dying.add(tensor)
            across = sum(network.height[tensor] * network.row_bytes[tensor] for tensor in passing)
            sizes.append(inside + working + across + _peak(network, stretch, dying, growing))
            if inside + working >= bound:
                break
        return sizes


def _peak(network: Network, stretch: _Stretch, dying: set[int], growing: set[int]) -> int:
    """Return the most bytes of rows alive at once, of tensors that are read and of such that are made."""
    if not dying or not growing:
        return sum(network.height[tensor] * network.row_bytes[tensor] for tensor in dying | growing)
    at = np.concatenate([np.zeros(1, np.int64), *(stretch.begun[tensor] for tensor in growing)])
    alive = np.zeros(at.size, np.int64)
    for tensor in growing:
        alive += network.row_bytes[tensor] * np.searchsorted(stretch.begun[tensor], at, side="right")
    for tensor in dying:
        gone = np.searchsorted(stretch.last_read[tensor], at, side="left")
        alive += network.row_bytes[tensor] * (network.height[tensor] - gone)
    return int(alive.max())
