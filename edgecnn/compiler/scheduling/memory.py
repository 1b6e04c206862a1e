# SPDX-License-Identifier: Apache-2.0
"""How high the rings must be for an order of firings, how long each buffer lives, and where it lies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.scheduling.cascade import Network

ALIGN = 4  # bytes, of the arena and of each buffer in it: sums of 32 bits lie there
_NOTHING = np.zeros((0, 4), np.int64)


@dataclass(frozen=True)
class Buffer:
    """Bytes that live from one position of the order to another, both included.

    `owner` is ("rows", tensor), ("scratch", step), or ("working", first step of a segment).
    """

    owner: tuple[str, int]
    size: int
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class Events:
    """Positions of an order at which a row is first written, is complete, and is last read (or -1).

    By tensor and row; tensors that nothing in the order makes have no entry in `begun` and `complete`, and
    those that nothing in it makes or reads none in `last_read`.
    """

    begun: dict[int, NDArray[np.int64]]
    complete: dict[int, NDArray[np.int64]]
    last_read: dict[int, NDArray[np.int64]]


def ring_heights(events: Events) -> dict[int, int]:
    """Return for each tensor how many rows its ring needs: the span from the oldest row still to be read.

    Rows lie in a ring by the order they are made in, so the height is that span, not the number of rows
    alive. Tensors whose maker is not in the order are left out.
    """
    heights = {}
    for tensor, writes in events.begun.items():
        # The oldest row still to be read is the first that is read at or after the write.
        read_so_far = np.maximum.accumulate(events.last_read[tensor])
        rows = np.arange(writes.size)
        oldest = np.minimum(np.searchsorted(read_so_far, writes), rows)
        heights[tensor] = int((rows - oldest).max()) + 1
    return heights


def events_of(network: Network, order: Sequence[int]) -> Events:
    """Return when the rows of all tensors are written and read."""
    events = Events({}, {}, {})
    steps = np.asarray(order)
    positions = np.argsort(steps, kind="stable")
    ends = np.cumsum(np.bincount(steps, minlength=len(network.steps)))
    for number in dict.fromkeys(order):
        step = network.steps[number]
        fired = positions[ends[number] - step.firings : ends[number]]
        kept = network.height[step.output] - step.firings // step.group * step.rows_per_group, 0
        begun = fired[:: step.group].repeat(step.rows_per_group)
        complete = fired[step.group - 1 :: step.group].repeat(step.rows_per_group)
        events.begun[step.output] = np.pad(begun, kept, mode="edge")
        events.complete[step.output] = np.pad(complete, kept, mode="edge")
        for tensor, last in network.all_reads[number].last.items():
            read = np.where(last < 0, -1, fired[last])
            before = events.last_read.get(tensor)
            events.last_read[tensor] = read if before is None else np.maximum(before, read)
        unread = np.full(network.height[step.output], -1)
        events.last_read.setdefault(step.output, unread)
    return events


def buffers(network: Network, events: Events, heights: dict[int, int], cuts: Sequence[int]) -> list[Buffer]:
    """Return what the arena must hold: rings, tensors, scratch. The model's outputs are the caller's.

    `cuts` are the numbers of the steps that begin a segment; `events` those of all steps.
    """
    held = [
        Buffer(
            ("rows", tensor),
            aligned(heights[tensor] * network.row_bytes[tensor]),
            int(writes[0]),
            int(max(events.last_read[tensor].max(), events.complete[tensor][-1])),
        )
        for tensor, writes in events.begun.items()
        if tensor not in network.outputs
    ]
    for number, step in enumerate(network.steps):
        if step.scratch:
            first, last = events.begun[step.output][0], events.complete[step.output][-1]
            size = aligned(step.scratch)
            held.append(Buffer(("scratch", number), size, int(first), int(last)))
    begin = 0  # segments run one after the other
    for first, end in zip(cuts, (*cuts[1:], len(network.steps)), strict=True):
        steps = network.steps[first:end]
        firings = sum(step.firings for step in steps)
        size = aligned(max(step.working for step in steps))
        if size:
            held.append(Buffer(("working", first), size, begin, begin + firings - 1))
        begin += firings
    return held


def aligned(size: int, align: int = ALIGN) -> int:
    """Return `size` rounded up to a multiple of `align`."""
    return -(-size // align) * align


def alive_bytes(held: Sequence[Buffer], firings: int) -> NDArray[np.int64]:
    """Return how many bytes of buffers are alive at each position of an order, (firings,)."""
    changes = np.zeros(firings + 1, np.int64)
    sizes = [buffer.size for buffer in held]
    np.add.at(changes, [buffer.first for buffer in held], sizes)
    np.subtract.at(changes, [buffer.last + 1 for buffer in held], sizes)
    return changes[:-1].cumsum()


def place(
    held: Sequence[Buffer],
    fixed: NDArray[np.int64] = _NOTHING,
    limit: float = math.inf,
) -> tuple[dict[tuple[str, int], int], int]:
    """Return an offset for each buffer, none overlapping another that lives at the same time, and the total.

    What is `fixed`, int64[n, 4] of first and last position, begin and end, has its place already; the others'
    offsets are multiples of ALIGN. Two orders of a first fit are tried, largest first and oldest first; the
    smaller total wins. One that reaches `limit` is left there.
    """
    orders = (
        sorted(held, key=lambda buffer: (-buffer.size, buffer.first, buffer.owner)),
        sorted(held, key=lambda buffer: (buffer.first, -buffer.size, buffer.owner)),
    )
    return min((_first_fit(order, fixed, limit) for order in orders), key=lambda result: result[1])


def _first_fit(
    order: Sequence[Buffer], fixed: NDArray[np.int64], limit: float
) -> tuple[dict[tuple[str, int], int], int]:
    offsets: dict[tuple[str, int], int] = {}
    placed = np.concatenate([fixed, np.zeros((len(order), 4), np.int64)]).T
    total = int(fixed[:, 3].max(initial=0))
    for count, buffer in enumerate(order, start=len(fixed)):
        first, last, begin, end = placed[:, :count]
        alive = np.flatnonzero((first <= buffer.last) & (last >= buffer.first))
        alive = alive[begin[alive].argsort()]
        # Behind each that is alive a gap may begin; one that is large enough ends at the next.
        gaps = np.concatenate([[0], np.maximum.accumulate(-(-end[alive] // ALIGN) * ALIGN)])
        fits = np.flatnonzero(gaps[:-1] + buffer.size <= begin[alive])
        offset = int(gaps[fits[0] if fits.size else -1])
        offsets[buffer.owner] = offset
        placed[:, count] = buffer.first, buffer.last, offset, offset + buffer.size
        total = max(total, offset + buffer.size)
        if total >= limit:
            break
    return offsets, total
