# SPDX-License-Identifier: Apache-2.0
"""Builds a C program for another machine's Linux, and runs it in QEMU's user-mode emulation."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgecnn.compiler.targets import Target
from edgecnn.runtime.cross_compiler import Binary, CrossCompiler, RunResult
from edgecnn.runtime.host_compiler import execute
from edgecnn.runtime.profiler import Block, Profiler
from edgecnn.runtime.program import HERE, Program, need_tool


class EmulatedLinux:
    """A Linux target whose executables QEMU runs; a profile counts their instructions, not their time."""

    def __init__(self, target: Target, optimize: str = "-O2") -> None:
        """Choose a target and a level of optimization.

        Raises:
            MissingToolError: the compiler, its C library or QEMU is not installed.
        """
        assert target.emulator is not None, "only such targets come here"
        self.target = target
        self.compiler = CrossCompiler(target, optimize)
        self._qemu, package = target.emulator
        need_tool(self._qemu, [package])

    def build(self, program: Program, folder: Path) -> Binary:
        """Compile and link `program` in `folder`, which must outlive the binary.

        Raises:
            EdgecnnError: it does not compile.
        """
        # Nothing of the other machine's Linux has to be here, and addresses are those of the file.
        return self.compiler.build(
            program, HERE / "host_compiler.c", folder, ("-fno-pie",), ("-static", "-no-pie")
        )

    def run(self, binary: Binary, inputs: Sequence[bytes], timeout: float = 600) -> RunResult:
        """Run the program on every input in turn; arguments and errors are those of `EmulatedCore.run`."""
        binary.program.check(inputs)
        output = execute(binary.image, b"".join(inputs), timeout, [self._qemu])
        return RunResult(binary.program.split(output))

    def profile(self, binary: Binary, given: bytes, timeout: float = 600) -> list[Block]:
        """Run the program on one input, and return what each step of its network executed."""
        with tempfile.TemporaryDirectory(prefix="edgecnn-") as name:
            profiler = Profiler(self._qemu, Path(name))
            flags = profiler.flags(binary.program, self.compiler.symbols(binary))
            execute(binary.image, given, timeout, [self._qemu, *flags])
            return profiler.blocks()
