# SPDX-License-Identifier: Apache-2.0
"""Replays a schedule, to prove that nothing is overwritten before it is read."""

from edgecnn.compiler.scheduling.measure import Schedule
from edgecnn.compiler.scheduling.rolling import Rolled


class Replay:
    """Fires the steps of a schedule on an arena whose bytes remember what they hold: a row, or scratch."""

    def __init__(self, found: Schedule) -> None:
        self.found, self.network = found, found.network
        self.arena: list[object] = [None] * found.arena
        self.fired = [0] * len(found.network.steps)

    def run(self) -> None:
        for number in self.found.order:
            self.read(number)
            self.keep_scratch(number)
            self.use_working_memory(number)
            self.write(number)
            self.fired[number] += 1
        assert self.fired == [step.firings for step in self.network.steps]

    def row(self, tensor: int, row: int) -> slice:
        size = self.network.row_bytes[tensor]
        where = self.found.rolled.get(tensor) or Rolled(self.found.heights[tensor], 0)
        start = self.found.offsets["rows", tensor] + (where.first + row) % where.slots * size
        return slice(start, start + size)

    def read(self, number: int) -> None:
        for tensor, first, end in self.network.reads(number, self.fired[number]):
            for row in range(first, end) if tensor not in self.network.outputs else ():
                assert set(self.arena[self.row(tensor, row)]) == {(tensor, row)}

    def keep_scratch(self, number: int) -> None:
        step = self.network.steps[number]
        if step.scratch:
            start = self.found.offsets["scratch", number]
            place = slice(start, start + step.scratch)
            if self.fired[number] % step.group:
                assert set(self.arena[place]) == {number}
            self.arena[place] = [number] * step.scratch

    def use_working_memory(self, number: int) -> None:
        step = self.network.steps[number]
        if step.working:
            segment = max(cut for cut in self.found.cuts if cut <= number)
            start = self.found.offsets["working", segment]
            kept = set(range(start, start + step.working)) & self.kept(number)
            assert not kept, "what the kernel reads or keeps while it fires"
            self.arena[start : start + step.working] = [None] * step.working

    def kept(self, number: int) -> set[int]:
        """The bytes that a firing reads, writes or keeps."""
        step = self.network.steps[number]
        places = [
            self.row(tensor, row)
            for tensor, first, end in [
                *self.network.reads(number, self.fired[number]),
                (step.output, *self.made(number)),
            ]
            for row in range(first, end)
            if tensor not in self.network.outputs
        ]
        if step.scratch:
            start = self.found.offsets["scratch", number]
            places.append(slice(start, start + step.scratch))
        return {byte for place in places for byte in range(place.start, place.stop)}

    def made(self, number: int) -> tuple[int, int]:
        step = self.network.steps[number]
        first = self.fired[number] // step.group * step.rows_per_group
        return first, first + step.rows_per_group

    def write(self, number: int) -> None:
        step, firing = self.network.steps[number], self.fired[number]
        for row in range(*self.made(number)) if step.output not in self.network.outputs else ():
            place = self.row(step.output, row)
            if firing % step.group and not step.scratch:  # a running maximum
                assert set(self.arena[place]) == {(step.output, row)}
            self.arena[place] = [(step.output, row)] * self.network.row_bytes[step.output]
