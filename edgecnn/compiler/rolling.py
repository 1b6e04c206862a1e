# SPDX-License-Identifier: Apache-2.0
"""Lets whole tensors at cuts share memory: rows that are made take the place of rows that have been read.

Such a tensor lies in a region of the arena that is slots of a row all round: it begins at some slot, behind
the last comes slot 0, and some slots stay free for what else is alive.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.cascade import Network
from edgecnn.compiler.memory import Buffer, Events, aligned, place

_MOST_SLOTS = 65534
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

    def meets(self, other: "_Rows") -> NDArray[np.bool_]:
        """Return bool[rows, rows of `other`]: which are alive together."""
        return np.asarray((self.begun[:, None] <= other.last) & (other.begun <= self.last[:, None]))


def place_rolling(
    network: Network, events: Events, cuts: Sequence[int], found: Sequence[Buffer], align: int
) -> tuple[dict[tuple[str, int], int], int, dict[int, Rolled]]:
    """Return offsets and total as `place` does, and the tensors that lie in slots where that needs less."""
    offsets, total = place(found, align)
    rows = _at_cuts(network, events, cuts)
    rest = [buffer for buffer in found if buffer.owner[0] != "rows" or buffer.owner[1] not in rows]
    least = _peak(rows)
    for more in _MORE if len(rows) > 1 else ():
        region = aligned(least * (100 + more) // 100, align)
        rolled = _rolled(rows, region) if region < total else None
        if rolled is not None:
            fixed = [one for tensor, where in rolled.items() for one in _slots(rows[tensor], where)]
            others, smaller = place(rest, align, fixed)
            if smaller < total:
                return others | {("rows", tensor): 0 for tensor in rolled}, smaller, rolled
    return offsets, total, {}


def _at_cuts(network: Network, events: Events, cuts: Sequence[int]) -> dict[int, _Rows]:
    """Return the tensors that are made row by row and read in the next segment only.

    What lives longer would stand in the way of those that follow each other.
    """
    segment = np.searchsorted(np.array(cuts), np.arange(len(network.steps)), side="right")
    found = {}
    for tensor, maker in network.maker.items():
        next_one = segment[network.last_reader(tensor)] == segment[maker] + 1
        if next_one and tensor not in network.outputs and network.steps[maker].rows_per_group == 1:
            last = np.maximum(events.last_read[tensor], events.complete[tensor])
            found[tensor] = _Rows(np.array(events.begun[tensor]), last, network.row_bytes[tensor])
    return found


def _peak(rows: dict[int, _Rows]) -> int:
    """Return the most bytes of rows that are alive at once."""
    at = np.concatenate([np.zeros(1, np.int64), *(one.begun for one in rows.values())])
    alive = np.zeros(at.size, np.int64)
    for one in rows.values():
        made = np.searchsorted(one.begun, at, side="right")
        gone = np.searchsorted(np.sort(one.last), at, side="left")
        alive += one.size * (made - gone)
    return int(alive.max())


def _rolled(rows: dict[int, _Rows], region: int) -> dict[int, Rolled] | None:
    """Return a place in a region for every tensor, oldest first, or None where one finds none.

    Each is tried first behind the one before.
    """
    placed: list[tuple[_Rows, NDArray[np.int64]]] = []
    result: dict[int, Rolled] = {}
    end = 0
    for tensor, one in sorted(rows.items(), key=lambda item: int(item[1].begun[0])):
        slots = region // one.size
        if not one.begun.size <= slots <= _MOST_SLOTS:
            return None
        meeting = [(other, start, one.meets(other)) for other, start in placed]
        meeting = [(other, start, together) for other, start, together in meeting if together.any()]
        begin = -(-end // one.size)
        for first in ((begin + shift) % slots for shift in range(slots)):
            start = (first + np.arange(one.begun.size)) % slots * one.size
            if not any(
                (
                    together & (start[:, None] < before + other.size) & (before < start[:, None] + one.size)
                ).any()
                for other, before, together in meeting
            ):
                break
        else:
            return None
        placed.append((one, start))
        result[tensor] = Rolled(slots, first)
        end = int(start[-1]) + one.size
    return result


def _slots(rows: _Rows, where: Rolled) -> list[tuple[Buffer, int]]:
    """Return the rows of a tensor as buffers, each with its offset."""
    return [
        (Buffer(("slot", row), rows.size, begun, last), (where.first + row) % where.slots * rows.size)
        for row, (begun, last) in enumerate(zip(rows.begun.tolist(), rows.last.tolist(), strict=True))
    ]
