# SPDX-License-Identifier: Apache-2.0
"""What each operator of a model costs on an emulated core."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecnn.compiler.compile import CompiledModel
from edgecnn.runtime.profiler import BEFORE_THE_FIRST, Block, instructions_by_step


@dataclass(frozen=True)
class OperatorProfile:
    """One step of the generated C: an operator, with those fused into it, or the copying of an input.

    Attributes:
        index: of the operator in the flatbuffer; None where there is none.
        op: of it and of those fused into it.
        name: of the tensor it makes.
        instructions: executed in one inference.
        share: of all instructions.
        macs: computed.
        instructions_per_mac: None where none are computed.
    """

    index: int | None
    op: str
    name: str
    instructions: int
    share: float
    macs: int
    instructions_per_mac: float | None


def profile_operators(compiled: CompiledModel, blocks: Sequence[Block]) -> list[OperatorProfile]:
    """Return a row for each step of a model, whose instructions add up to those of `blocks`."""
    counts = instructions_by_step(blocks)
    total = sum(counts.values())
    begin = counts.get(BEFORE_THE_FIRST, 0)
    rows = [OperatorProfile(None, "(begin)", "", begin, begin / total, 0, None)]
    graph, steps = compiled.model.graph, compiled.model.schedule.network.steps
    for number, (step, plan) in enumerate(zip(steps, compiled.plan["steps"], strict=True)):
        count, macs = counts.get(number, 0), plan["macs_computed"]
        rate = count / macs if macs else None
        name = graph.tensors[step.output].name
        index = None if step.kernel == "input" else step.operator.index
        rows.append(OperatorProfile(index, plan["op"], name, count, count / total, macs, rate))
    return rows
