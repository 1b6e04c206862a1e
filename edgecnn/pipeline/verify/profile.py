# SPDX-License-Identifier: Apache-2.0
"""What each operator of a model costs on an emulator."""

from dataclasses import dataclass

from edgecnn.compiler.compile import CompiledModel
from edgecnn.compiler.ir import short_name
from edgecnn.compiler.steps import INPUT
from edgecnn.runtime.cortex_m4_cycles import cycles_by_step, disassembled
from edgecnn.runtime.cross_compiler import Binary
from edgecnn.runtime.emulator import Emulator
from edgecnn.runtime.profiler import BEFORE_THE_FIRST, instructions_by_step


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
        cycles_estimated: where there is a table of the core's cycles.
    """

    index: int | None
    op: str
    name: str
    instructions: int
    share: float
    macs: int
    instructions_per_mac: float | None
    cycles_estimated: int | None


def profile_operators(
    compiled: CompiledModel, emulator: Emulator, binary: Binary, given: bytes
) -> list[OperatorProfile]:
    """Return a row for each step of a model; their instructions add up to those of an inference.

    Args:
        compiled: the model.
        emulator: what to run it on.
        binary: the model's C, built for it.
        given: an input.
    """
    blocks = emulator.profile(binary, given)
    instructions, cycles = instructions_by_step(blocks), {}
    if emulator.target.cycles:
        cycles = cycles_by_step(blocks, disassembled(emulator.compiler.disassembly(binary)))
    total = sum(instructions.values())
    rows = []
    for number, (index, op, name, macs) in _titles(compiled).items():
        count = instructions.get(number, 0)
        rate = count / macs if macs else None
        rows.append(OperatorProfile(index, op, name, count, count / total, macs, rate, cycles.get(number)))
    return rows


def _titles(compiled: CompiledModel) -> dict[int, tuple[int | None, str, str, int]]:
    """Return index, op, name and MACs of what runs before the first step, and of each step."""
    titles: dict[int, tuple[int | None, str, str, int]] = {BEFORE_THE_FIRST: (None, "(begin)", "", 0)}
    plans = zip(compiled.model.schedule.network.steps, compiled.plan["steps"], strict=True)
    for number, (step, plan) in enumerate(plans):
        index = None if step.kernel is INPUT else step.operator.index
        name = short_name(compiled.model.graph.tensors[step.output].name)
        titles[number] = (index, plan["op"], name, plan["macs_computed"])
    return titles
