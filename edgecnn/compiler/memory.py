# SPDX-License-Identifier: Apache-2.0
"""How high the rings must be for an order of firings, how long each buffer lives, and where it lies."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecnn.compiler.cascade import Network


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

    By tensor and row; tensors that nothing in the order makes have no entry in `begun` and `complete`.
    """

    begun: dict[int, list[int]]
    complete: dict[int, list[int]]
    last_read: dict[int, list[int]]


def ring_heights(events: Events) -> dict[int, int]:
    """Return for each tensor how many rows its ring needs: the span from the oldest row still to be read.

    Rows lie in a ring by the order they are made in, so the height is that span, not the number of rows
    alive. Tensors whose maker is not in the order are left out.
    """
    heights = {}
    for tensor, writes in events.begun.items():
        read = events.last_read[tensor]
        oldest, height = 0, 1
        for row, position in enumerate(writes):
            while oldest < row and read[oldest] < position:
                oldest += 1
            height = max(height, row - oldest + 1)
        heights[tensor] = height
    return heights


def events_of(network: Network, order: Sequence[int]) -> Events:
    """Return when the rows of all tensors are written and read."""
    begun: dict[int, list[int]] = {network.steps[number].output: [] for number in dict.fromkeys(order)}
    complete: dict[int, list[int]] = {tensor: [] for tensor in begun}
    last_read = {tensor: [-1] * height for tensor, height in network.height.items()}
    fired = [0] * len(network.steps)
    for position, number in enumerate(order):
        step, firing = network.steps[number], fired[number]
        for tensor, first, end in network.reads(number, firing):
            last_read[tensor][first:end] = [position] * (end - first)
        if firing % step.group == 0:
            begun[step.output] += [position] * step.rows_per_group
        if firing % step.group == step.group - 1:
            complete[step.output] += [position] * step.rows_per_group
        fired[number] += 1
    return Events(begun, complete, last_read)


def buffers(
    network: Network,
    order: Sequence[int],
    events: Events,
    heights: dict[int, int],
    cuts: Sequence[int],
    align: int,
) -> list[Buffer]:
    """Return what the arena must hold: rings, tensors, scratch. The model's outputs are the caller's.

    `cuts` are the numbers of the steps that begin a segment.
    """
    found = [
        Buffer(
            ("rows", tensor),
            aligned(heights[tensor] * network.row_bytes[tensor], align),
            writes[0],
            max(*events.last_read[tensor], _last(order, network.maker[tensor])),
        )
        for tensor, writes in events.begun.items()
        if tensor not in network.outputs
    ]
    for number, step in enumerate(network.steps):
        if step.scratch:
            size = aligned(step.scratch, align)
            found.append(Buffer(("scratch", number), size, order.index(number), _last(order, number)))
    begin = 0  # segments run one after the other
    for first, end in zip(cuts, (*cuts[1:], len(network.steps)), strict=True):
        steps = network.steps[first:end]
        firings = sum(step.firings for step in steps)
        size = aligned(max(step.working for step in steps), align)
        if size:
            found.append(Buffer(("working", first), size, begin, begin + firings - 1))
        begin += firings
    return found


def _last(order: Sequence[int], number: int) -> int:
    return len(order) - 1 - order[::-1].index(number)


def aligned(size: int, align: int) -> int:
    """Return `size` rounded up to a multiple of `align`."""
    return -(-size // align) * align


def place(
    found: Sequence[Buffer], align: int = 1, fixed: Sequence[tuple[Buffer, int]] = ()
) -> tuple[dict[tuple[str, int], int], int]:
    """Return an offset for each buffer, none overlapping another that lives at the same time, and the total.

    What is `fixed` lies at an offset already; the others' are multiples of `align`. Two orders of a first fit
    are tried, largest first and oldest first; the smaller total wins.
    """
    orders = (
        sorted(found, key=lambda buffer: (-buffer.size, buffer.first, buffer.owner)),
        sorted(found, key=lambda buffer: (buffer.first, -buffer.size, buffer.owner)),
    )
    return min((_first_fit(order, align, fixed) for order in orders), key=lambda result: result[1])


def _first_fit(
    order: Sequence[Buffer], align: int, fixed: Sequence[tuple[Buffer, int]]
) -> tuple[dict[tuple[str, int], int], int]:
    offsets: dict[tuple[str, int], int] = {}
    placed = list(fixed)
    total = max((offset + buffer.size for buffer, offset in fixed), default=0)
    for buffer in order:
        alive = [
            (start, start + other.size)
            for other, start in placed
            if other.first <= buffer.last and buffer.first <= other.last
        ]
        offset = 0
        for start, end in sorted(alive):
            if offset + buffer.size <= start:
                break
            offset = max(offset, aligned(end, align))
        offsets[buffer.owner] = offset
        placed.append((buffer, offset))
        total = max(total, offset + buffer.size)
    return offsets, total
