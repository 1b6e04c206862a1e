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


def ring_heights(network: Network, order: Sequence[int]) -> dict[int, int]:
    """Return for each tensor how many rows its ring needs: the span from the oldest row still to be read.

    Rows lie in a ring by the order they are made in, so the height is that span, not the number of rows
    alive. Tensors whose maker is not in `order` are left out.
    """
    begun, last_read = _events(network, order)
    heights = {}
    for tensor, writes in begun.items():
        read = last_read[tensor]
        oldest, height = 0, 1
        for row, position in enumerate(writes):
            while oldest < row and read[oldest] < position:
                oldest += 1
            height = max(height, row - oldest + 1)
        heights[tensor] = height
    return heights


def _events(network: Network, order: Sequence[int]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Return for each tensor and row the position at which it is first written, and last read (or -1)."""
    begun: dict[int, list[int]] = {network.steps[number].output: [] for number in dict.fromkeys(order)}
    last_read = {tensor: [-1] * height for tensor, height in network.height.items()}
    fired = [0] * len(network.steps)
    for position, number in enumerate(order):
        step, firing = network.steps[number], fired[number]
        for tensor, first, end in network.reads(number, firing):
            last_read[tensor][first:end] = [position] * (end - first)
        if firing % step.group == 0:
            begun[step.output] += [position] * step.rows_per_group
        fired[number] += 1
    return begun, last_read


def buffers(
    network: Network, order: Sequence[int], heights: dict[int, int], cuts: Sequence[int], align: int
) -> list[Buffer]:
    """Return what the arena must hold: rings, tensors, scratch. The model's outputs are the caller's.

    `cuts` are the numbers of the steps that begin a segment.
    """
    begun, last_read = _events(network, order)
    found = [
        Buffer(
            ("rows", tensor),
            aligned(heights[tensor] * network.row_bytes[tensor], align),
            writes[0],
            max(*last_read[tensor], _last(order, network.maker[tensor])),
        )
        for tensor, writes in begun.items()
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


def place(found: Sequence[Buffer]) -> tuple[dict[tuple[str, int], int], int]:
    """Return an offset for each buffer, none overlapping another that lives at the same time, and the total.

    Two orders of a first fit are tried, largest first and oldest first; the smaller total wins.
    """
    orders = (
        sorted(found, key=lambda buffer: (-buffer.size, buffer.first, buffer.owner)),
        sorted(found, key=lambda buffer: (buffer.first, -buffer.size, buffer.owner)),
    )
    return min((_first_fit(order) for order in orders), key=lambda result: result[1])


def _first_fit(order: Sequence[Buffer]) -> tuple[dict[tuple[str, int], int], int]:
    offsets: dict[tuple[str, int], int] = {}
    placed: list[Buffer] = []
    total = 0
    for buffer in order:
        alive = [other for other in placed if other.first <= buffer.last and buffer.first <= other.last]
        offset = 0
        for other in sorted(alive, key=lambda other: offsets[other.owner]):
            if offset + buffer.size <= offsets[other.owner]:
                break
            offset = max(offset, offsets[other.owner] + other.size)
        offsets[buffer.owner] = offset
        placed.append(buffer)
        total = max(total, offset + buffer.size)
    return offsets, total
