# SPDX-License-Identifier: Apache-2.0
"""How many instructions an inference takes on a core, without its compiler or an emulator: a fitted model.

Each operator's count is a sum of terms of its shape, with factors of 0 or more that
`benchmarks/instructions.py` fits to `edgecnn verify --profile` and leaves in instructions.json, beside the
error on networks that they were not fitted to, and the cycles an instruction takes by Arm's table where it is
known: the mean over those networks.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.ops.conv_2d import Conv2DOptions
from edgecnn.compiler.scheduling.measure import Schedule
from edgecnn.compiler.steps import Step
from edgecnn.compiler.traits import Channels
from edgecnn.errors import EdgecnnError, did_you_mean

TABLE = Path(__file__).with_name("instructions.json")
# Behind the name of an op: what a max pool is fused into, and what makes columns of another one's input.
POOLED, FUSED = " + MAX_POOL_2D", " + ..."
Values = NDArray[np.float64]
COLUMNS = 3  # most kernels compute so many at once, unless there is little memory
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Work:
    """What an operator computes.

    Attributes:
        op: as TensorFlow Lite calls it, and what is fused into it.
        rows: that are made.
        positions: at which a window is applied, in all rows.
        taps: of a window, of one channel.
        read: channels that are added up; 0 where each is by itself.
        made: channels that come out.
        columns: of outputs that are computed at once.
        parts: in which the taps are taken.
    """

    op: str
    rows: int
    positions: int
    taps: int
    read: int
    made: int
    columns: int = COLUMNS
    parts: int = 1

    @property
    def terms(self) -> Values:
        """The terms of its count, (terms,)."""
        shape = self.rows, self.positions, self.taps, self.read, self.made
        return terms(*shape, self.columns, self.parts)


@dataclass(frozen=True)
class Estimate:
    """An estimated figure of a network, and how far off the model was on networks that it did not know."""

    instructions: int
    code_bytes: int
    const_bytes: int  # beside weights
    error: float  # of the instructions, the mean of relative errors


def terms(
    rows: Any,
    positions: Any,
    taps: Any,
    read: Any,
    made: Any,
    columns: Any = COLUMNS,
    parts: Any = 1,
) -> Values:
    """Return the terms of an operator's count, (terms, ...), of numbers or arrays that broadcast.

    Kernels work on 2 or 4 channels at a time, and on 4 or 16 taps; on several columns of a row, of which the
    last ones may be fewer; where that saves memory, on a part of the taps, after which sums are kept. Windows
    of more than one tap are gathered first.
    """
    sums = np.where(np.equal(read, 0), taps, np.multiply(taps, read))
    outer = [np.ones_like(made, np.float64), *(np.ceil(np.divide(made, at)) for at in (1, 2, 4, 16))]
    inner = [np.ones_like(sums, np.float64), *(np.ceil(np.divide(sums, at)) for at in (1, 4, 16))]
    blocks = rows * np.ceil(positions / np.maximum(rows, 1) / columns - _ROUNDING)
    each = [count * a * b for count in (positions, blocks) for a in outer for b in inner]
    each += [blocks * (parts - 1) * a for a in (1, made)]
    each += [positions * np.greater(taps, 1) * b for b in inner]
    return np.stack(np.broadcast_arrays(np.ones_like(each[0]), rows, rows * sums, rows * made, *each))


def works(graph: Graph, schedule: Schedule) -> list[list[Work]]:
    """Return what each step of a scheduled graph computes, operators included that are fused into it."""
    return [_works(graph, step) for step in schedule.network.steps]


def _works(graph: Graph, step: Step) -> list[Work]:
    operator = step.operator
    rows, columns, made = graph.tensors[step.output].shape[1:]
    if not step.inputs:
        return [Work("INPUT", rows, rows * columns, 1, 0, made)]
    before = [replace(work, op=f"{work.op}{FUSED}") for work in _works_before(graph, step)]
    macs = step.macs - (step.before.macs if step.before is not None else 0)
    if not macs or ops.layout(operator) is None:
        return [*before, Work(operator.op, rows, rows * columns, _window(graph, step), 0, made)]
    out, *window, into = shape = graph.tensors[operator.inputs[1]].shape
    told = operator.options
    pool = told.pool if isinstance(told, Conv2DOptions) else None
    read, made = (0, into) if ops.channels(graph, operator) is Channels.GROUPED else (into, out)
    op = operator.op + (POOLED if pool else "")
    positions = round(macs / prod(shape))
    plan = step.params
    at_once, parts = int(plan.get("columns", plan.get("outputs", COLUMNS))), int(plan.get("parts", 1))
    rows *= pool.h if pool else 1
    return [*before, Work(op, rows, positions, prod(window), read, made, at_once, parts)]


def _works_before(graph: Graph, step: Step) -> list[Work]:
    return _works(graph, step.before) if step.before is not None else []


def _window(graph: Graph, step: Step) -> int:
    """Return how many values of its first input go into each of a step's, at least 1."""
    if windows := ops.axes(graph, step.operator):
        return prod(axis.size for axis in windows)
    source, made = (prod(graph.tensors[index].shape) for index in (step.inputs[0], step.output))
    return max(1, int(source / made))


def estimate(graph: Graph, schedule: Schedule, target: str) -> Estimate:
    """Return what a scheduled graph will take on a target.

    Raises:
        EdgecnnError: nothing is known of the target.
    """
    table, every = factors(target), [work for step in works(graph, schedule) for work in step]
    count = table["begin"] + sum(work_count(table, work) for work in every)
    code, const = (
        table[part]["begin"] + sum(table[part].get(work.op, 0) for work in every)
        for part in ("code", "const")
    )
    return Estimate(round(count), code, const, table["error"])


def work_count(table: Mapping[str, Any], work: Work) -> float:
    """Return the instructions of an operator; of one that the table doesn't know, none."""
    if work.op not in table["ops"]:
        return 0.0
    return float(work.terms @ np.array(table["ops"][work.op]))


def factors(target: str) -> dict[str, Any]:
    """Return what is known of a target.

    Raises:
        EdgecnnError: nothing is.
    """
    table = _table()
    if target not in table:
        raise EdgecnnError(
            f"instructions on {target} can't be estimated; choose one of {', '.join(table)}."
            f"{did_you_mean(target, table)}"
        )
    found: dict[str, Any] = table[target]
    return found


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table
