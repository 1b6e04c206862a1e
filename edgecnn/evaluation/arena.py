# SPDX-License-Identifier: Apache-2.0
"""What lies where in the arena of a compiled model, and from when to when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.compile import run_passes
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.scheduling.measure import Schedule
from edgecnn.compiler.scheduling.memory import Buffer, Events, buffers, events_of
from edgecnn.compiler.scheduling.search import schedule


@dataclass(frozen=True)
class Block:
    """Bytes of the arena that one step's output, or its working memory, holds for a time."""

    step: int  # which makes it; the network's inputs come first
    scratch: bool  # working memory of the step, not its output
    offset: int  # bytes
    size: int
    first: int  # position in the order of firings, both included
    last: int


@dataclass(frozen=True)
class ArenaPlan:
    """The arena over time: one unit of time for each firing of a kernel, most of which make one row."""

    bytes: int
    firings: int
    blocks: tuple[Block, ...]
    peak: int  # the first position at which the most bytes are held
    held: int  # how many are, then; gaps between them make the arena larger
    busiest: str  # the op that fires at the peak, and the shape that it makes


@dataclass(frozen=True)
class ArenaPlans:
    """Both ways of running a network: with whole tensors, and row by row."""

    whole: ArenaPlan
    rows: ArenaPlan


def plan_arena(graph: Graph, isa: str = "c99") -> ArenaPlans:
    """Plan a model's memory as `edgecnn compile` does for a target of that instruction set.

    Raises:
        ModelError: an operator is not supported.
    """
    passed, _ = run_passes(graph)
    whole, rows = (_describe(passed, schedule(passed, rows=rows, isa=isa)) for rows in (False, True))
    return ArenaPlans(whole, rows)


def _describe(graph: Graph, plan: Schedule) -> ArenaPlan:
    network, order = plan.network, plan.order
    events = events_of(network, order)
    held = buffers(network, events, plan.heights, plan.cuts)
    blocks = tuple(block for buffer in held for block in _blocks(plan, events, buffer))
    alive = _alive(blocks, len(order))
    peak = int(alive.argmax())
    step = network.steps[order[peak]]
    shape = "x".join(map(str, graph.tensors[step.output].shape[1:]))
    busiest = f"{step.operator.op} makes {shape}"
    return ArenaPlan(plan.arena, len(order), blocks, peak, int(alive[peak]), busiest)


def _alive(blocks: Sequence[Block], firings: int) -> NDArray[np.int64]:
    """Return how many bytes are held at each position, (firings,)."""
    changes = np.zeros(firings + 1, np.int64)
    for block in blocks:
        changes[block.first] += block.size
        changes[block.last + 1] -= block.size
    return changes[:-1].cumsum()


def _blocks(plan: Schedule, events: Events, buffer: Buffer) -> Iterator[Block]:
    """Yield where a buffer lies: in one place, or row by row where rows take the place of other tensors'."""
    kind, owner = buffer.owner
    if kind != "rows":
        yield Block(owner, True, plan.offsets[buffer.owner], buffer.size, buffer.first, buffer.last)
        return
    maker, rolled = plan.network.maker[owner], plan.rolled.get(owner)
    if rolled is None:
        yield Block(maker, False, plan.offsets[buffer.owner], buffer.size, buffer.first, buffer.last)
        return
    size = plan.network.row_bytes[owner]
    ends = np.maximum(events.last_read[owner], events.complete[owner]).tolist()
    for row, (begun, last) in enumerate(zip(events.begun[owner].tolist(), ends, strict=True)):
        offset = (rolled.first + row) % rolled.slots * size
        yield Block(maker, False, offset, size, begun, last)
