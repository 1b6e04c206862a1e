# SPDX-License-Identifier: Apache-2.0
"""Lets whole tensors at cuts share memory: rows that are made take the place of rows that have been read.

Such a tensor lies in a region of the arena that is slots of a row all round: it begins at some slot, behind
the last comes slot 0, and some slots stay free for what else is alive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.scheduling.cascade import Network
from edgecnn.compiler.scheduling.effort import Effort
from edgecnn.compiler.scheduling.memory import Buffer, Events, aligned, alive_bytes, place

_MOST_SLOTS = 65534
_TRIED = 4  # steps of the search for each buffer
_MORE = range(0, 40, 2)  # percent of memory tried beyond what is alive at once


@dataclass(frozen=True)
class Rolled:
    """Where a tensor lies: row y in slot (first + y) % slots from offset 0 on."""

    slots: int
    first: int


@dataclass(frozen=True, eq=False)
class _Rows:
    """When the rows of a tensor are alive, from `begun` to `last`, and the bytes of one."""

    begun: NDArray[np.int64]
    last: NDArray[np.int64]
    size: int

    @cached_property
    def span(self) -> tuple[int, int]:
        """The positions at which the first row begins and the last one ends."""
        return int(self.begun[0]), int(self.last.max())

    def meets(self, other: "_Rows") -> NDArray[np.bool_]:
        """Return bool[rows, rows of `other`]: which are alive together."""
        return np.asarray((self.begun[:, None] <= other.last) & (other.begun <= self.last[:, None]))


def place_rolling(
    network: Network,
    events: Events,
    cuts: Sequence[int],
    buffers: Sequence[Buffer],
    limit: float,
    effort: Effort,
) -> tuple[dict[tuple[str, int], int], int, dict[int, Rolled]] | None:
    """Return offsets and total as `place` does, and the tensors that lie in slots where that needs less.

    None where the total is not below `limit`. What is tried is counted as `effort`.
    """
    rows = _at_cuts(network, events, cuts)
    rest = [buffer for buffer in buffers if buffer.owner[0] != "rows" or buffer.owner[1] not in rows]
    firings = sum(step.firings for step in network.steps)
    at_cuts = _alive(rows, firings)
    if int((alive_bytes(rest, firings) + at_cuts).max()) >= limit:
        return None
    best: tuple[dict[tuple[str, int], int], int, dict[int, Rolled]] | None = None
    if int(alive_bytes(buffers, firings).max()) < limit:
        offsets, total = place(buffers, limit=limit)
        if total < limit:
            best, limit = (offsets, total, {}), total
    least = int(at_cuts.max())
    for more in _MORE if len(rows) > 1 else ():
        region = aligned(least * (100 + more) // 100)
        if region >= limit:
            break
        effort.spend(_TRIED * len(buffers))
        rolled = _rolled(rows, region)
        if rolled is not None:
            fixed = np.concatenate([_slots(rows[tensor], where) for tensor, where in rolled.items()])
            others, total = place(rest, fixed, limit)
            if total < limit:
                return others | {("rows", tensor): 0 for tensor in rolled}, total, rolled
    return best


def _at_cuts(network: Network, events: Events, cuts: Sequence[int]) -> dict[int, _Rows]:
    """Return the tensors that are made row by row and read in the next segment only.

    What lives longer would stand in the way of those that follow each other.
    """
    segment = np.searchsorted(np.array(cuts), np.arange(len(network.steps)), side="right")
    rows = {}
    for tensor, maker in network.maker.items():
        next_one = segment[network.last_reader(tensor)] == segment[maker] + 1
        if next_one and tensor not in network.outputs and network.steps[maker].rows_per_group == 1:
            last = np.maximum(events.last_read[tensor], events.complete[tensor])
            rows[tensor] = _Rows(events.begun[tensor], last, network.row_bytes[tensor])
    return rows


def _alive(rows: dict[int, _Rows], firings: int) -> NDArray[np.int64]:
    """Return how many bytes of rows are alive at each position of an order, (firings,)."""
    changes = np.zeros(firings + 1, np.int64)
    for tensor in rows.values():
        changes += tensor.size * np.bincount(tensor.begun, minlength=firings + 1)
        changes -= tensor.size * np.bincount(tensor.last + 1, minlength=firings + 1)
    return changes[:-1].cumsum()


def _rolled(rows: dict[int, _Rows], region: int) -> dict[int, Rolled] | None:
    """Return a place in a region for every tensor, oldest first, or None where one finds none.

    Each is tried first behind the one before.
    """
    placed: list[tuple[_Rows, NDArray[np.int64]]] = []
    result: dict[int, Rolled] = {}
    end = 0
    for tensor, current in sorted(rows.items(), key=lambda item: int(item[1].begun[0])):
        slots = region // current.size
        if not current.begun.size <= slots <= _MOST_SLOTS:
            return None
        taken = np.zeros(slots, np.bool_)
        for other, start in placed:
            if current.span[0] <= other.span[1] and other.span[0] <= current.span[1]:
                taken |= _taken(current, slots, other, start)
        begin = -(-end // current.size) % slots
        behind = np.flatnonzero(~np.roll(taken, -begin))
        if not behind.size:
            return None
        first = int(begin + behind[0]) % slots
        start = (first + np.arange(current.begun.size)) % slots * current.size
        placed.append((current, start))
        result[tensor] = Rolled(slots, first)
        end = int(start[-1]) + current.size
    return result


def _taken(rows: _Rows, slots: int, other: _Rows, start: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return bool[slots]: where the first of `rows` can't lie, as one would meet a row of another tensor.

    Rows of `other` lie at the offsets `start`.
    """
    mine, theirs = np.nonzero(rows.meets(other))
    low, high = start[theirs] // rows.size, (start[theirs] + other.size - 1) // rows.size
    taken = np.zeros(slots, np.bool_)
    for more in range(int((high - low).max(initial=-1)) + 1):
        slot = low + more
        inside = (slot <= high) & (slot < slots)
        taken[(slot[inside] - mine[inside]) % slots] = True
    return taken


def _slots(rows: _Rows, where: Rolled) -> NDArray[np.int64]:
    """Return first and last position, begin and end of each row of a tensor, int64[rows, 4]."""
    offsets = (where.first + np.arange(rows.begun.size)) % where.slots * rows.size
    return np.stack([rows.begun, rows.last, offsets, offsets + rows.size], axis=1)
