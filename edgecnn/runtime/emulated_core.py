# SPDX-License-Identifier: Apache-2.0
"""Builds a C program for a core without an operating system, runs it on an emulated board, and measures it.

QEMU's `-icount shift=0` lets an instruction take one nanosecond of the board's time, so that a timer of the
board, or a counter of the core, counts instructions: the same number on every run and every machine. No time
is measured.
"""

import re
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgecnn.compiler.targets import TARGETS, Target
from edgecnn.errors import EdgecnnError
from edgecnn.runtime.cross_compiler import Binary, CrossCompiler, RunResult
from edgecnn.runtime.profiler import Block, Profiler
from edgecnn.runtime.program import HERE, Program, need_tool

_COUNTING = ("-icount", "shift=0", "-semihosting-config", "enable=on,target=native")
_QUIET = ("-display", "none", "-monitor", "none", "-serial", "none")
_FIGURES = struct.Struct("<QI4x")  # struct figures of emulated_core.c
_REGIONS = {"code": "code", "const": "constants", "ram": "stack, data and bss"}


class EmulatedCore:
    """A target on its emulated board."""

    def __init__(self, target: Target, optimize: str = "-O2") -> None:
        """Choose a target and a level of optimization.

        Raises:
            MissingToolError: the compiler, its C library or QEMU is not installed.
            EdgecnnError: no emulated board runs this target.
        """
        if target.board is None:
            names = ", ".join(row.name for row in TARGETS.values() if row.board)
            raise EdgecnnError(f"target {target.name} has no emulated board; the ones that have: {names}")
        self.target = target
        self.board = target.board
        self.compiler = CrossCompiler(target, optimize)
        need_tool(target.board.qemu, [target.board.package])

    def build(self, program: Program, folder: Path) -> Binary:
        """Compile and link `program` in `folder`, which must outlive the binary.

        Raises:
            EdgecnnError: it does not compile, or does not fit the board's memory.
        """
        regions = {name: getattr(self.board, name) for name in _REGIONS}
        symbols = [
            f"-Wl,--defsym={name}_origin={region.origin:#x},--defsym={name}_size={region.size:#x}"
            for name, region in regions.items()
        ]
        defines = [f"-DINSTRUCTIONS_PER_TICK={self.board.instructions_per_tick}"]
        if self.board.counter is not None:
            defines.append(f"-DCOUNTER_ADDRESS={self.board.counter:#x}")
        link = ["-nostartfiles", *symbols, "-T", str(HERE / "emulated_core.ld")]
        try:
            return self.compiler.build(program, HERE / "emulated_core.c", folder, defines, link)
        except EdgecnnError as error:
            overflow = re.search(r"region `(\w+)' overflowed by (\d+) bytes", str(error))
            if overflow is None:
                raise
            size = regions[overflow[1]].size
            raise EdgecnnError(
                f"{self.board.machine} has {size} bytes for {_REGIONS[overflow[1]]}, "
                f"the program takes {size + int(overflow[2])}; run it on the host"
            ) from None

    def run(self, binary: Binary, inputs: Sequence[bytes], timeout: float = 600) -> RunResult:
        """Run the program on every input in turn.

        Args:
            binary: from `build`.
            inputs: `input_bytes` of its program each.
            timeout: seconds the emulator may take.

        Raises:
            EdgecnnError: the program reports a failure, faults, overflows its stack or takes too long.
        """
        binary.program.check(inputs)
        with tempfile.TemporaryDirectory(prefix="edgecnn-") as name:
            folder = Path(name)
            (folder / "inputs").write_bytes(b"".join(inputs))
            self._emulate(binary, folder, timeout)
            instructions, stacks = zip(*_FIGURES.iter_unpack((folder / "figures").read_bytes()), strict=True)
            outputs = binary.program.split((folder / "outputs").read_bytes())
        return RunResult(outputs, list(instructions), max(stacks))

    def profile(self, binary: Binary, given: bytes, timeout: float = 600) -> list[Block]:
        """Run the binary on one input, and return what each step of its network executed.

        Raises:
            EdgecnnError: as for `run`, or QEMU can't be watched.
        """
        with tempfile.TemporaryDirectory(prefix="edgecnn-") as name:
            folder = Path(name)
            (folder / "inputs").write_bytes(given)
            profiler = Profiler(self.board.qemu, folder)
            flags = profiler.flags(binary.program, self.compiler.symbols(binary))
            self._emulate(binary, folder, timeout, flags)
            return profiler.blocks()

    def _emulate(self, binary: Binary, folder: Path, timeout: float, flags: Sequence[str] = ()) -> None:
        machine = self.board.machine
        command = [self.board.qemu, *_COUNTING, *_QUIET, *self.board.flags, *flags]
        command += ["-machine", machine, "-kernel", str(binary.image)]
        try:
            result = subprocess.run(
                command, check=False, cwd=folder, capture_output=True, text=True, timeout=timeout
            )
        except subprocess.TimeoutExpired:
            raise EdgecnnError(f"{machine}: still running after {timeout:g} seconds; stopped") from None
        if result.returncode:
            reason = result.stderr.partition("\n")[0] or f"the emulator ended with {result.returncode}"
            raise EdgecnnError(f"{machine}: {self._with_place(reason, binary)}")

    def _with_place(self, reason: str, binary: Binary) -> str:
        """Add to a fault's address the function and the line that are there."""
        fault = re.search("the core faulted at (0x[0-9a-f]{8})", reason)
        if fault is None:
            return reason
        return f"{reason}, {self.compiler.place(binary, fault[1])}"
