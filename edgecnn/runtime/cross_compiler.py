# SPDX-License-Identifier: Apache-2.0
"""Compiles a C program for another machine with GCC, and tells what there is to know of the result."""

import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn.compiler.targets import Target
from edgecnn.runtime.program import WARNINGS, Program, compile_c, need_c_library, need_tool
from edgecnn.runtime.stack_usage import StackBound, worst_stack

_SYMBOL = re.compile(r"^([0-9a-f]+) \w (\S+)$", re.MULTILINE)
_SECTION = re.compile(r"^(\.\w+)\S* +(\d+)", re.MULTILINE)
_SMALL = {".srodata": ".rodata", ".sdata": ".data", ".sbss": ".bss"}  # what RISC-V calls small data


@dataclass(frozen=True)
class Binary:
    """A linked program.

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
class RunResult:
    """What came out of an emulator.

    Attributes:
        outputs: one per input.
        instructions: executed by each call of `program_run`, from its first to its return, exactly; None
            where only a profile counts them.
        stack_bytes: how deep a call of `program_run` was seen to write into its stack, at most; None where
            nobody looked.
    """

    outputs: list[bytes]
    instructions: list[int] | None = None
    stack_bytes: int | None = None


class CrossCompiler:
    """The GCC of a target, and its binutils."""

    def __init__(self, target: Target, optimize: str) -> None:
        """Choose a target and a level of optimization.

        Raises:
            MissingToolError: the compiler or its C library is not installed.
        """
        need_tool(target.cc, target.packages)
        self._tools = target.cc.removesuffix("gcc")
        self._command = (target.cc, "-std=c99", optimize, "-g", *target.cflags, *WARNINGS)
        need_c_library(self._command, target.packages)

    def build(
        self, program: Program, main: Path, folder: Path, defines: Sequence[str], link: Sequence[str | Path]
    ) -> Binary:
        """Compile and link a program in `folder`, which must outlive the binary.

        Args:
            program: what to compile.
            main: the source of our main function for it.
            folder: where to.
            defines: further flags for every source.
            link: flags for the linker.

        Raises:
            EdgecnnError: it does not compile or link.
        """
        sources = [*program.sources, program.write_harness(folder), main]
        objects = [folder / f"{index}-{source.stem}.o" for index, source in enumerate(sources)]
        flags = [*self._command, *program.flags(), "-fcallgraph-info=su", *defines]
        for source, output in zip(sources, objects, strict=True):
            compile_c([*flags, "-c", source, "-o", output])
        image = (folder / "program.elf").resolve()  # emulators work in other folders
        compile_c([*self._command, *link, *objects, "-o", image])
        sizes = self._section_sizes(objects[: len(program.sources)])
        graphs = [output.with_suffix(".ci").read_text() for output in objects]
        return Binary(image, program, *sizes, worst_stack(graphs, "program_run"))

    def symbols(self, binary: Binary) -> dict[str, int]:
        """Return the addresses of functions and variables by name."""
        symbols = _SYMBOL.findall(self._ask("nm", binary.image))
        return {symbol: int(address, 16) for address, symbol in symbols}

    def disassembly(self, binary: Binary) -> str:
        """Return the instructions as `objdump -d` prints them."""
        return self._ask("objdump", "-d", binary.image)

    def place(self, binary: Binary, address: str) -> str:
        """Return the function and the line of an address."""
        return " at ".join(self._ask("addr2line", "-f", "-s", "-e", binary.image, address).splitlines())

    def _section_sizes(self, objects: Iterable[Path]) -> tuple[int, int, int, int]:
        """Sum the sections of `objects`: bytes of code, constants, data and bss."""
        sizes = {".text": 0, ".rodata": 0, ".data": 0, ".bss": 0}
        for name, size in _SECTION.findall(self._ask("size", "-A", *objects)):
            kind = _SMALL.get(name, name)
            if kind in sizes:
                sizes[kind] += int(size)
        return sizes[".text"], sizes[".rodata"], sizes[".data"], sizes[".bss"]

    def _ask(self, tool: str, *arguments: str | Path) -> str:
        command = [self._tools + tool, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
