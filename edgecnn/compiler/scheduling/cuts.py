# SPDX-License-Identifier: Apache-2.0
"""Finds where whole tensors cut a network into segments so that the worst segment needs the least memory.

In a deepest-first cascade the steps before a given one fire in the same order whether or not later ones are
there, so one cascade from each start gives the rings of every segment that starts there.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.scheduling.cascade import Network, cascade
from edgecnn.compiler.scheduling.effort import Effort
from edgecnn.compiler.scheduling.memory import Events, aligned, events_of, ring_heights
from edgecnn.compiler.steps import Step

_SIZED, _COUNTED = 8, 128  # steps of the search for the size of a segment, and for each so many firings
_AHEAD = 16  # steps that a search looks at first
_Alive = tuple[tuple[int, bool], ...]
_KEPT = 1024  # stretches of which all is known


@dataclass(frozen=True, eq=False)
class _Stretch:
    """What happens while steps cascade: in which order, numbered from 0, they fire; how high rings are."""

    order: NDArray[np.int64]
    events: Events
    heights: dict[int, int]


@dataclass(frozen=True)
class _Sizes:
    """The bytes of the segments from one start to the next step, to the one behind it, and so on.

    Longer ones have rings of `bound` bytes or more, or go beyond where the search has looked.
    """

    bytes: list[int]
    bound: float


_NOTHING = _Sizes([], 0)


@dataclass(frozen=True)
class _Key:
    """All that the sizes of segments from one start depend on."""

    steps: tuple[Step, ...]
    waiting: frozenset[int]
    alive: _Alive  # tensors from before, and whether the segment before makes them


class CutSearch:
    """Dynamic programming over the cuts of a network.

    Networks that are asked about one after the other differ in few steps: what is found out about a stretch
    is kept for those that have it too. What is simulated for it is counted as `effort`.
    """

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self._stretches: dict[tuple[tuple[Step, ...], frozenset[int]], _Stretch] = {}
        self._sizes: dict[_Key, _Sizes] = {}
        self._reach: dict[tuple[Step, _Alive], int] = {}  # steps that were looked at

    def best(
        self,
        network: Network,
        lazy: frozenset[int],
        bound: float = math.inf,
        rolling: bool = True,
        floors: Sequence[float] = (),
    ) -> tuple[tuple[int, ...], float]:
        """Return the steps that begin a segment, and the bytes of the worst segment.

        With `rolling` a segment's rows may take the place of rows that have been read, of what the one before
        made; whether there is such a place remains to be seen. Segments of `bound` bytes or more don't
        interest, nor does a cut behind which the network needs so many, by `floors`; where nothing else leads
        through the network, the bytes are infinite.
        """
        count = len(network.steps)
        floors = floors or [0] * (count + 1)
        worst = [0.0] + [math.inf] * count
        came_from = [0] * (count + 1)
        for first in range(count):
            # Segments as large as those that lead to the end are of no use any more.
            bound = min(bound, worst[count])
            if worst[first] >= bound:
                continue
            before = came_from[first] if rolling else first
            # Of equal costs the earlier start wins: rings need less than whole tensors beside.
            gains = [0.0 if cost > worst[first] else math.inf for cost in worst]
            farthest = self._farthest(
                network, first, bound, [max(*pair) for pair in zip(gains, floors, strict=True)]
            )
            for end, size in self._sizes_to(farthest, network, before, first, lazy, bound):
                cost = max(worst[first], size)
                if cost < min(worst[end], bound) and floors[end] < bound:
                    worst[end], came_from[end] = cost, first
        cuts = [came_from[count]]
        while cuts[-1]:
            cuts.append(came_from[cuts[-1]])
        return tuple(reversed(cuts)), worst[count]

    def floors(self, network: Network, lazy: frozenset[int], bound: float, rolling: bool) -> list[float]:
        """Return for each step what the worst segment from there on needs at least: `bound` bytes, or 0."""
        count = len(network.steps)
        rest = [bound] * count + [0.0]
        for first in reversed(range(count)):
            before = 0 if rolling else first
            farthest = self._farthest(network, first, bound, rest)
            for end, size in self._sizes_to(farthest, network, before, first, lazy, bound):
                if max(size, rest[end]) < bound:
                    rest[first] = 0.0
                    break
        return rest

    def fill(self, network: Network, unknown: int, floors: list[float], bound: float) -> list[float]:
        """Return `floors` with those of the `unknown` first steps, as far as the least rings tell."""
        filled = [bound] * unknown + floors
        for first in reversed(range(unknown)):
            if self._farthest(network, first, bound, filled) > first:
                filled[first] = 0.0
        return filled

    def order(self, network: Network, first: int, end: int, lazy: frozenset[int]) -> list[int]:
        """Return the order in which the steps from `first` up to `end` fire."""
        return [first + number for number in self._stretch(network, first, end, lazy).order.tolist()]

    def _farthest(self, network: Network, first: int, bound: float, floors: Sequence[float]) -> int:
        """Return the last end of a segment from `first` that may be of use, or `first` where none is.

        Such an end has a floor below `bound`, and so have the rings before it, of as many rows as the reader
        of each asks for at once.
        """
        rings, farthest = 0, first
        for number in range(first, len(network.steps)):
            rings += aligned(network.steps[number].scratch)
            for tensor in network.read_last[number]:
                if network.maker[tensor] >= first:
                    rings += network.least_ring[tensor]
            if rings >= bound:
                break
            if floors[number + 1] < bound:
                farthest = number + 1
        return farthest

    def _sizes_to(
        self, farthest: int, network: Network, before: int, first: int, lazy: frozenset[int], bound: float
    ) -> Iterator[tuple[int, int]]:
        """Yield the ends of segments from `first`, and the bytes that live during each.

        The segment before begins at `before`. The last end is `farthest`, or one before which rings alone
        reach `bound`: a longer segment has more of them. The cascade looks ahead a few steps, and then
        farther, while the search has steps left: without, segments stay short.
        """
        alive = tuple((tensor, network.maker[tensor] >= before) for tensor in network.alive(first))
        ahead = self._reach.get((network.steps[first], alive), _AHEAD)
        end = first
        while end < farthest:
            horizon = min(first + ahead, len(network.steps))
            sizes = self._known(network, first, horizon, lazy, alive, bound)
            yield from enumerate(sizes[end - first :], start=end + 1)
            if first + len(sizes) < horizon or horizon == len(network.steps) or self._effort.exhausted:
                return
            end, ahead = horizon, 2 * ahead

    def _known(
        self, network: Network, first: int, horizon: int, lazy: frozenset[int], alive: _Alive, bound: float
    ) -> list[int]:
        """Return the bytes of the segments from `first` that end up to `horizon`; see `_bytes`."""
        key = _Key(network.steps[first:horizon], _waiting(lazy, first, horizon), alive)
        sizes = self._sizes.get(key, _NOTHING)
        if sizes.bound < bound and len(sizes.bytes) < horizon - first:
            stretch = self._stretch(network, first, horizon, lazy)
            sizes = _Sizes(self._bytes(network, first, alive, stretch, bound), bound)
            self._effort.spend(len(sizes.bytes) * (_SIZED + stretch.order.size // _COUNTED))
            # Where rings end it, no step behind matters.
            reach = min(len(sizes.bytes) + 1, horizon - first)
            waiting = _waiting(lazy, first, first + reach)
            self._sizes[_Key(network.steps[first : first + reach], waiting, alive)] = sizes
            self._reach[network.steps[first], alive] = reach
        return sizes.bytes

    def _stretch(self, network: Network, first: int, horizon: int, lazy: frozenset[int]) -> _Stretch:
        """Return what happens while the steps from `first` up to `horizon` cascade."""
        key = (network.steps[first:horizon], _waiting(lazy, first, horizon))
        if key not in self._stretches:
            order = cascade(network, first, horizon, lazy)
            self._effort.spend(len(order))
            events = events_of(network, order)
            if len(self._stretches) == _KEPT:
                self._stretches.pop(next(iter(self._stretches)))
            self._stretches[key] = _Stretch(np.array(order) - first, events, ring_heights(events))
        return self._stretches[key]

    def _bytes(
        self,
        network: Network,
        first: int,
        alive: _Alive,
        stretch: _Stretch,
        bound: float,
    ) -> list[int]:
        """Return the bytes of the segments that begin at `first`, up to one whose rings reach `bound`.

        A tensor whose readers are all inside is a ring; one that comes from before or is read later is whole,
        but rows that are made may take the place of rows that have been read of what the segment before made.
        """
        sizes: list[int] = []
        inside = working = 0
        rows = _Rows(network, stretch)
        may_die = {tensor for tensor, made_before in alive if made_before}
        across = sum(network.height[tensor] * network.row_bytes[tensor] for tensor, _ in alive)
        for number in range(first, first + len(stretch.heights)):
            step = network.steps[number]
            inside += aligned(step.scratch)
            working = max(working, aligned(step.working))
            if network.last_reader(step.output) > number and step.output not in network.outputs:
                rows.grow(step.output)
            for tensor in network.read_last[number]:
                if tensor in rows.growing:
                    rows.stop(tensor)
                    inside += aligned(stretch.heights[tensor] * network.row_bytes[tensor])
                elif tensor in may_die:
                    across -= network.height[tensor] * network.row_bytes[tensor]
                    rows.die(tensor)
            if inside + working >= bound:
                break
            sizes.append(inside + working + across + rows.peak())
        return sizes


def _waiting(lazy: frozenset[int], first: int, horizon: int) -> frozenset[int]:
    """Return which steps of a stretch are lazy, numbered from 0."""
    return frozenset(number - first for number in lazy if first <= number < horizon)


class _Rows:
    """The bytes of rows alive at once, of tensors that are read and of such that are made."""

    def __init__(self, network: Network, stretch: _Stretch) -> None:
        self._network, self._stretch = network, stretch
        self._changes = np.zeros(stretch.order.size + 1, np.int64)  # at each position of the order
        self.growing: set[int] = set()
        self._dying = False
        self._whole = 0

    def grow(self, tensor: int) -> None:
        """Count a tensor that steps inside make, for readers in a later segment."""
        self.growing.add(tensor)
        self._count(self._stretch.events.begun[tensor], self._network.row_bytes[tensor])
        self._whole += self._bytes(tensor)

    def stop(self, tensor: int) -> None:
        """Leave out a growing tensor again."""
        self.growing.remove(tensor)
        self._count(self._stretch.events.begun[tensor], -self._network.row_bytes[tensor])
        self._whole -= self._bytes(tensor)

    def die(self, tensor: int) -> None:
        """Count a tensor from before whose readers are all inside."""
        self._dying = True
        self._changes[0] += self._bytes(tensor)
        self._count(self._stretch.events.last_read[tensor] + 1, -self._network.row_bytes[tensor])
        self._whole += self._bytes(tensor)

    def peak(self) -> int:
        """Return the most bytes alive at once; a tensor whose place no other takes is whole."""
        return int(self._changes.cumsum().max()) if self._dying and self.growing else self._whole

    def _bytes(self, tensor: int) -> int:
        return self._network.height[tensor] * self._network.row_bytes[tensor]

    def _count(self, positions: NDArray[np.int64], size: int) -> None:
        self._changes += size * np.bincount(positions, minlength=self._changes.size)
