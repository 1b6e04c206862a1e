# SPDX-License-Identifier: Apache-2.0
"""Finds where whole tensors cut a network into segments so that the worst segment needs the least memory.

In a deepest-first cascade the steps before a given one fire in the same order whether or not later ones are
there, so one cascade from each start gives the rings of every segment that starts there.
"""

import math

from edgecnn.compiler.cascade import Network, cascade
from edgecnn.compiler.memory import aligned, ring_heights
from edgecnn.compiler.steps import Step

_AHEAD = 16  # steps that a search looks at first

Heights = dict[int, int]
# The steps of a stretch of a network, and which of them wait.
_Stretch = tuple[tuple[Step, ...], frozenset[int]]


class CutSearch:
    """Dynamic programming over the cuts of a network whose buffers are aligned to `align` bytes.

    Networks that are asked about one after the other differ in few steps: what is found out about a stretch
    is kept for those that have it too.
    """

    def __init__(self, align: int) -> None:
        self._align = align
        self._heights: dict[_Stretch, Heights] = {}

    def best(
        self, network: Network, lazy: frozenset[int], bound: float = math.inf
    ) -> tuple[tuple[int, ...], float]:
        """Return the steps that begin a segment, and the bytes of the worst segment.

        Segments of `bound` bytes or more don't interest; where all are, the bytes are infinite.
        """
        count = len(network.steps)
        worst = [0.0] + [math.inf] * count
        came_from = [0] * (count + 1)
        for first in range(count):
            if worst[first] == math.inf:
                continue
            for end, size in enumerate(self._sizes(network, first, lazy, bound), start=first + 1):
                cost = max(worst[first], size)
                # Of equal costs the earlier start wins: rings need less than whole tensors beside.
                if cost < worst[end]:
                    worst[end], came_from[end] = cost, first
        cuts = [came_from[count]]
        while cuts[-1]:
            cuts.append(came_from[cuts[-1]])
        return tuple(reversed(cuts)), worst[count]

    def _sizes(self, network: Network, first: int, lazy: frozenset[int], bound: float) -> list[int]:
        """Return the bytes that live during the segments from `first` to `first`, `first` + 1, ...

        The list ends where rings alone reach `bound`: a longer segment has more of them. As most do so soon,
        the cascade looks ahead a few steps, and farther only if need be.
        """
        ahead = _AHEAD
        while True:
            horizon = min(first + ahead, len(network.steps))
            sizes = self._bytes(network, first, self._rings(network, first, horizon, lazy), bound)
            if len(sizes) < horizon - first or horizon == len(network.steps):
                return sizes
            ahead *= 2

    def _rings(self, network: Network, first: int, horizon: int, lazy: frozenset[int]) -> Heights:
        """Return the heights of the rings of what the steps from `first` up to `horizon` make."""
        waiting = frozenset(number - first for number in lazy if first <= number < horizon)
        stretch = (network.steps[first:horizon], waiting)
        if stretch not in self._heights:
            self._heights[stretch] = ring_heights(network, cascade(network, first, horizon, lazy))
        return self._heights[stretch]

    def _bytes(self, network: Network, first: int, heights: Heights, bound: float) -> list[int]:
        """Return the bytes of the segments that begin at `first`, up to one whose rings reach `bound`.

        A tensor whose readers are all inside is a ring; one that comes from before or is read later is whole.
        """
        sizes: list[int] = []
        inside = working = 0
        across = sum(self._whole(network, tensor) for tensor in network.alive(first))
        for number in range(first, first + len(heights)):
            step = network.steps[number]
            inside += aligned(step.scratch, self._align)
            working = max(working, aligned(step.working, self._align))
            if network.last_reader(step.output) > number and step.output not in network.outputs:
                across += self._whole(network, step.output)
            for tensor in network.read_last_by(number):
                if network.maker[tensor] >= first:
                    across -= self._whole(network, tensor)
                    inside += aligned(heights[tensor] * network.row_bytes[tensor], self._align)
            sizes.append(inside + working + across)
            if inside + working >= bound:
                break
        return sizes

    def _whole(self, network: Network, tensor: int) -> int:
        return aligned(network.height[tensor] * network.row_bytes[tensor], self._align)
