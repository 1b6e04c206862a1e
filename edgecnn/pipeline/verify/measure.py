# SPDX-License-Identifier: Apache-2.0
"""Runs the C of a model where its target says, and measures it there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgecnn.compiler.compile import CompiledModel
from edgecnn.pipeline.verify.profile import OperatorProfile, profile_operators
from edgecnn.runtime.cross_compiler import Binary, RunResult
from edgecnn.runtime.emulator import Emulator
from edgecnn.runtime.program import Program


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Figures of an inference on an emulator; all are None where the C ran without one.

    Attributes:
        instructions: executed, exactly.
        cycles_estimated: where there is a table of the core's cycles.
        code_bytes, const_bytes, static_bytes: of the generated C.
        stack_bytes: at worst, as far as the compiler and the core know.
        stack_painted_bytes: of it seen in use, on a core without an operating system.
        operators: the profile; its instructions and cycles add up to those above.
    """

    instructions: int | None = None
    cycles_estimated: int | None = None
    code_bytes: int | None = None
    const_bytes: int | None = None
    static_bytes: int | None = None
    stack_bytes: int | None = None
    stack_painted_bytes: int | None = None
    operators: list[OperatorProfile] | None = None


def measure(
    compiled: CompiledModel,
    emulator: Emulator,
    program: Program,
    given: Sequence[bytes],
    folder: Path,
    profile: bool,
) -> tuple[list[bytes], Measured]:
    """Run a model's program on an emulator; return its outputs and figures of the slowest inference.

    Args:
        compiled: the model.
        emulator: for its target.
        program: the model's C and a harness that runs one inference.
        given: inputs.
        folder: where to build.
        profile: tell what each operator costs.

    Raises:
        EdgecnnError: the C doesn't compile or fails.
    """
    binary = emulator.build(program, folder)
    result = emulator.run(binary, given)
    slowest = given[0 if result.instructions is None else int(np.argmax(result.instructions))]
    operators = None
    if profile or emulator.target.cycles or result.instructions is None:
        operators = profile_operators(compiled, emulator, binary, slowest)
    return result.outputs, _measured(binary, result, operators, profile, emulator.target.cycles)


def _measured(
    binary: Binary, result: RunResult, operators: list[OperatorProfile] | None, profile: bool, cycles: bool
) -> Measured:
    rows = operators or []
    counted = result.instructions or [sum(row.instructions for row in rows)]
    return Measured(
        instructions=max(counted),
        cycles_estimated=sum(row.cycles_estimated or 0 for row in rows) if cycles else None,
        code_bytes=binary.code_bytes,
        const_bytes=binary.const_bytes,
        static_bytes=binary.data_bytes + binary.bss_bytes,
        # The call graph ends at libraries; what was seen on the core includes them.
        stack_bytes=max(binary.stack.bytes, result.stack_bytes or 0),
        stack_painted_bytes=result.stack_bytes,
        operators=operators if profile else None,
    )
