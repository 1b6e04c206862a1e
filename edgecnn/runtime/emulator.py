# SPDX-License-Identifier: Apache-2.0
"""What runs the programs of a target: one small class for each kind, chosen by the target's row."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from edgecnn.compiler.targets import Target
from edgecnn.errors import EdgecnnError
from edgecnn.runtime.cross_compiler import Binary, CrossCompiler, RunResult
from edgecnn.runtime.emulated_core import EmulatedCore
from edgecnn.runtime.emulated_linux import EmulatedLinux
from edgecnn.runtime.host_compiler import HostCompiler
from edgecnn.runtime.profiler import Block
from edgecnn.runtime.program import Program, need_tool
from edgecnn.runtime.shared_library import cpu_features
from edgecnn.runtime.webassembly import WebAssembly

LEVELS = {"speed": "-O2", "size": "-Os"}  # of the C compiler, for what the generated C is optimized for


class Runner(Protocol):
    """Runs a program, and measures nothing."""

    def run(self, program: Program, inputs: Sequence[bytes]) -> list[bytes]:
        """Compile a program and run it on every input in turn; return its outputs."""


class Emulator(Protocol):
    """Runs a program where its instructions can be counted."""

    target: Target
    compiler: CrossCompiler

    def build(self, program: Program, folder: Path) -> Binary:
        """Compile and link a program in a folder, which must outlive the binary."""

    def run(self, binary: Binary, inputs: Sequence[bytes]) -> RunResult:
        """Run a program on every input in turn."""

    def profile(self, binary: Binary, given: bytes) -> list[Block]:
        """Run a program on one input, and return what each step of its network executed."""


def has_emulator(target: Target) -> bool:
    """Tell whether instructions of a target can be counted: in QEMU, and nowhere else."""
    return target.board is not None or (target.emulator is not None and target.emulator[0].startswith("qemu"))


def find_emulator(target: Target, optimize: str) -> Emulator:
    """Return what counts instructions of a target.

    Raises:
        MissingToolError: a tool is not installed.
    """
    return EmulatedLinux(target, optimize) if target.board is None else EmulatedCore(target, optimize)


def find_runner(target: Target, optimize: str) -> Runner:
    """Return what runs programs of a target that has no emulator.

    Raises:
        MissingToolError: a tool is not installed.
        EdgecnnError: this machine's processor lacks what the target needs.
    """
    if not target.native:
        return WebAssembly(target, optimize)
    need_tool(target.cc, target.packages)
    missing = sorted(set(target.features) - cpu_features())
    if missing:
        raise EdgecnnError(
            f"target {target.name} needs a processor with {', '.join(missing)}, which this one lacks; "
            "use target c99"
        )
    return HostCompiler(sanitize=True, flags=(optimize, *target.cflags))
