# SPDX-License-Identifier: Apache-2.0
"""Builds a C program for a Cortex-M target, runs it on an emulated board, and measures it there.

QEMU's `-icount shift=0` lets an instruction take one nanosecond of the board's time, so that a timer of the
board counts instructions: the same number on every run and every machine. No time is measured.
"""

import re
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn.compiler.targets import TARGETS, Target
from edgecnn.errors import EdgecnnError, MissingToolError
from edgecnn.runtime.profiler import Block, Profiler
from edgecnn.runtime.program import HERE, WARNINGS, Program, compile_c, need_tool
from edgecnn.runtime.stack_usage import StackBound, worst_stack

_QEMU = ("qemu-system-arm", "-icount", "shift=0", "-semihosting-config", "enable=on,target=native")
_QUIET = ("-display", "none", "-monitor", "none", "-serial", "none")
_FIGURES = struct.Struct("<QI4x")  # struct figures of emulated_core.c
_SYMBOL = re.compile(r"^([0-9a-f]+) \w (\S+)$", re.MULTILINE)
_REGIONS = {"code": "code", "const": "constants", "ram": "stack, data and bss"}


@dataclass(frozen=True)
class Firmware:
    """A program linked for a board.

    Attributes:
        image: the linked ELF file.
        program: what it was built from.
        code_bytes, const_bytes, data_bytes, bss_bytes: sections of the program's sources alone, without
            harness, start-up and libraries; literal pools and jump tables of the code count as code.
        stack: the worst stack of `program_run` as the compiler knows it.
    """

    image: Path
    program: Program
    code_bytes: int
    const_bytes: int
    data_bytes: int
    bss_bytes: int
    stack: StackBound


@dataclass(frozen=True)
class CoreResult:
    """What came out of the emulated core.

    Attributes:
        outputs: one per input.
        instructions: executed by each call of `program_run`, from its first to its return, exactly.
        stack_bytes: how deep a call of `program_run` was seen to write into its stack, at most.
    """

    outputs: list[bytes]
    instructions: list[int]
    stack_bytes: int


class EmulatedCore:
    """A Cortex-M target on its emulated board."""

    def __init__(self, target: Target, optimize: str = "-O2") -> None:
        """Choose a target and a level of optimization.

        Raises:
            MissingToolError: the compiler, its C library or QEMU is not installed.
            EdgecnnError: no emulated board runs this target.
        """
        if target.board is None:
            names = ", ".join(row.name for row in TARGETS.values() if row.board)
            raise EdgecnnError(f"target {target.name} has no emulated board; the ones that have: {names}")
        need_tool(target.cc, target.packages)
        need_tool(_QEMU[0], [_QEMU[0]])
        self.target = target
        self.board = target.board
        self._compiler = (target.cc, "-std=c99", optimize, "-g", *target.cflags, *WARNINGS)
        # A library that is not there is printed as it was asked for.
        if _output([*self._compiler, "-print-file-name=libc.a"]) == "libc.a":
            raise MissingToolError(f"{target.cc} has no C library; apt install {' '.join(target.packages)}")

    def build(self, program: Program, folder: Path) -> Firmware:
        """Compile and link `program` in `folder`, which must outlive the firmware.

        Raises:
            EdgecnnError: it does not compile, or does not fit the board's memory.
        """
        sources = [*program.sources, program.write_harness(folder), HERE / "emulated_core.c"]
        objects = [folder / f"{index}-{source.stem}.o" for index, source in enumerate(sources)]
        for source, output in zip(sources, objects, strict=True):
            self._compile(source, output, program)
        image = (folder / "firmware.elf").resolve()  # `run` works in another folder
        self._link(objects, image)
        sizes = self._section_sizes(objects[: len(program.sources)])
        graphs = [output.with_suffix(".ci").read_text() for output in objects]
        return Firmware(image, program, *sizes, worst_stack(graphs, "program_run"))

    def run(self, firmware: Firmware, inputs: Sequence[bytes], timeout: float = 600) -> CoreResult:
        """Run the firmware on every input in turn.

        Args:
            firmware: from `build`.
            inputs: `input_bytes` of its program each.
            timeout: seconds the emulator may take.

        Raises:
            EdgecnnError: the program reports a failure, faults, overflows its stack or takes too long.
        """
        firmware.program.check(inputs)
        with tempfile.TemporaryDirectory(prefix="edgecnn-") as name:
            folder = Path(name)
            (folder / "inputs").write_bytes(b"".join(inputs))
            self._emulate(firmware, folder, timeout)
            instructions, stacks = zip(*_FIGURES.iter_unpack((folder / "figures").read_bytes()), strict=True)
            outputs = firmware.program.split((folder / "outputs").read_bytes())
        return CoreResult(outputs, list(instructions), max(stacks))

    def profile(self, firmware: Firmware, given: bytes, timeout: float = 600) -> list[Block]:
        """Run the firmware on one input, and return what each step of its network executed.

        Raises:
            EdgecnnError: as for `run`, or QEMU can't be watched.
        """
        with tempfile.TemporaryDirectory(prefix="edgecnn-") as name:
            folder = Path(name)
            (folder / "inputs").write_bytes(given)
            profiler = Profiler(_QEMU[0], folder)
            table = _output([self._tool("nm"), firmware.image])
            symbols = {symbol: int(address, 16) for address, symbol in _SYMBOL.findall(table)}
            self._emulate(firmware, folder, timeout, profiler.flags(firmware.program, symbols))
            return profiler.blocks()

    def disassembly(self, firmware: Firmware) -> str:
        """Return the firmware's instructions as `objdump -d` prints them."""
        return _output([self._tool("objdump"), "-d", firmware.image])

    def _compile(self, source: Path, output: Path, program: Program) -> None:
        options = (
            "-fcallgraph-info=su",
            f"-DCOUNTER_ADDRESS={self.board.counter:#x}",
            f"-DINSTRUCTIONS_PER_TICK={self.board.instructions_per_tick}",
        )
        compile_c([*self._compiler, *program.flags(), *options, "-c", source, "-o", output])

    def _link(self, objects: Sequence[Path], image: Path) -> None:
        regions = {name: getattr(self.board, name) for name in _REGIONS}
        symbols = [
            f"-Wl,--defsym={name}_origin={region.origin:#x},--defsym={name}_size={region.size:#x}"
            for name, region in regions.items()
        ]
        script = HERE / "emulated_core.ld"
        try:
            compile_c([*self._compiler, "-nostartfiles", *symbols, "-T", script, *objects, "-o", image])
        except EdgecnnError as error:
            overflow = re.search(r"region `(\w+)' overflowed by (\d+) bytes", str(error))
            if overflow is None:
                raise
            size = regions[overflow[1]].size
            raise EdgecnnError(
                f"{self.board.machine} has {size} bytes for {_REGIONS[overflow[1]]}, "
                f"the program takes {size + int(overflow[2])}; run it on the host"
            ) from None

    def _emulate(self, firmware: Firmware, folder: Path, timeout: float, flags: Sequence[str] = ()) -> None:
        machine = self.board.machine
        command = [*_QEMU, *_QUIET, *flags, "-machine", machine, "-kernel", str(firmware.image)]
        try:
            result = subprocess.run(
                command, check=False, cwd=folder, capture_output=True, text=True, timeout=timeout
            )
        except subprocess.TimeoutExpired:
            raise EdgecnnError(f"{machine}: still running after {timeout:g} seconds; stopped") from None
        if result.returncode:
            reason = result.stderr.partition("\n")[0] or f"the emulator ended with {result.returncode}"
            raise EdgecnnError(f"{machine}: {self._with_place(reason, firmware)}")

    def _with_place(self, reason: str, firmware: Firmware) -> str:
        """Add to a fault's address the function and the line that are there."""
        fault = re.search("the core faulted at (0x[0-9a-f]{8})", reason)
        if fault is None:
            return reason
        place = _output([self._tool("addr2line"), "-f", "-s", "-e", firmware.image, fault[1]])
        return f"{reason}, {' at '.join(place.splitlines())}"

    def _section_sizes(self, objects: Sequence[Path]) -> tuple[int, int, int, int]:
        """Sum the sections of `objects`: bytes of code, constants, data and bss."""
        sizes = {".text": 0, ".rodata": 0, ".data": 0, ".bss": 0}
        table = _output([self._tool("size"), "-A", *objects])
        for name, size in re.findall(r"^(\.\w+)\S* +(\d+)", table, re.MULTILINE):
            if name in sizes:
                sizes[name] += int(size)
        return sizes[".text"], sizes[".rodata"], sizes[".data"], sizes[".bss"]

    def _tool(self, name: str) -> str:
        return self.target.cc.removesuffix("gcc") + name


def _output(command: Sequence[str | Path]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
