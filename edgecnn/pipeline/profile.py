# SPDX-License-Identifier: Apache-2.0
"""What each operator of a model costs on an emulated core."""

from dataclasses import dataclass

from edgecnn.compiler.compile import CompiledModel
from edgecnn.runtime.cortex_m4_cycles import cycles_by_step, disassembled
from edgecnn.runtime.emulated_core import EmulatedCore, Firmware
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
    compiled: CompiledModel, core: EmulatedCore, firmware: Firmware, given: bytes
) -> list[OperatorProfile]:
    """Return a row for each step of a model; their instructions add up to those of an inference.

    Args:
        compiled: the model.
        core: what to run it on.
        firmware: the model's C, built for it.
        given: an input.
    """
    blocks = core.profile(firmware, given)
    instructions, cycles = instructions_by_step(blocks), {}
    if core.target.cycles:
        cycles = cycles_by_step(blocks, disassembled(core.disassembly(firmware)))
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
        index = None if step.kernel == "input" else step.operator.index
        name = compiled.model.graph.tensors[step.output].name
        titles[number] = (index, plan["op"], name, plan["macs_computed"])
    return titles
