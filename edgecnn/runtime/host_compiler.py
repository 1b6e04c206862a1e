# SPDX-License-Identifier: Apache-2.0
"""Compiles C on this machine with gcc or clang, and runs it, with sanitizers if wished."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn.errors import EdgecnnError
from edgecnn.runtime.program import HERE, WARNINGS, Program, compile_c, need_tool

_PACKAGES = {"gcc": ("gcc", "libc6-dev"), "g++": ("g++",), "clang": ("clang",), "clang++": ("clang",)}
# A report needs lines: to follow variables as well, as -g does, makes GCC take up to five times as long.
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g1")


@dataclass(frozen=True)
class HostCompiler:
    """A C compiler of this machine; every warning of the list in `program.WARNINGS` is an error.

    Attributes:
        cc: gcc, clang, or g++ and clang++ to compile the C sources as C++.
        standard: what follows `-std=`: c99, c11, c17, c++11.
        sanitize: whether AddressSanitizer and UndefinedBehaviorSanitizer watch the program, and end it.
        flags: further flags, such as an optimization level or those of a target.
    """

    cc: str = "gcc"
    standard: str = "c99"
    sanitize: bool = False
    flags: Sequence[str] = ("-O2",)

    def compile(self, sources: Sequence[Path], output: Path, flags: Iterable[str] = ()) -> None:
        """Compile `sources` to `output`: a shared object where its name ends in .so, an executable otherwise.

        Raises:
            MissingToolError: the compiler is not installed.
            EdgecnnError: the sources do not compile.
        """
        need_tool(self.cc, _PACKAGES.get(self.cc, (self.cc,)))
        shared = ("-shared", "-fPIC") if output.suffix == ".so" else ()
        sanitizers = _SANITIZERS if self.sanitize else ()
        language = ("-x", "c++") if self.cc.endswith("++") else ()
        options = (f"-std={self.standard}", *WARNINGS, *self.flags, *sanitizers, *shared, *flags, *language)
        compile_c([self.cc, *options, *sources, "-o", output])

    def run(self, program: Program, inputs: Sequence[bytes], timeout: float = 600) -> list[bytes]:
        """Compile `program` and run it on every input in turn.

        Args:
            program: what to run.
            inputs: `program.input_bytes` bytes each.
            timeout: seconds the program may take.

        Returns:
            One output of `program.output_bytes` bytes per input.

        Raises:
            MissingToolError: the compiler is not installed.
            EdgecnnError: the program does not compile, fails, is stopped by a sanitizer, or takes too long.
        """
        program.check(inputs)
        with tempfile.TemporaryDirectory(prefix="edgecnn-") as name:
            folder = Path(name)
            sources = (*program.sources, program.write_harness(folder), HERE / "host_compiler.c")
            self.compile(sources, folder / "program", program.flags())
            return program.split(execute(folder / "program", b"".join(inputs), timeout))


def execute(
    program: Path, stdin: bytes = b"", timeout: float = 600, emulator: Sequence[str | Path] = ()
) -> bytes:
    """Run a compiled program on `stdin` and return what it writes to stdout.

    Args:
        program: the executable.
        stdin: what it reads.
        timeout: seconds it may take.
        emulator: the command that runs it where this machine doesn't.

    Raises:
        EdgecnnError: it fails, is stopped by a sanitizer or a signal, or takes longer than `timeout` seconds.
    """
    # Leaks are the business of a program that allocates; looking for them fails under a debugger.
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    try:
        result = subprocess.run(
            [*emulator, program],
            check=False,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise EdgecnnError(f"{program.name}: still running after {timeout:g} seconds; stopped") from None
    if result.returncode:
        raise EdgecnnError(f"{program.name}: {_reason(result.returncode, result.stderr)}")
    return result.stdout


def _reason(returncode: int, stderr: bytes) -> str:
    """The line that says most about a failure: a sanitizer's finding, the program's own word, or a signal."""
    lines = stderr.decode(errors="replace").strip().splitlines()
    for mark in ("runtime error:", "SUMMARY: AddressSanitizer:"):
        for line in lines:
            if mark in line:
                return line.removeprefix("SUMMARY: ")
    if returncode < 0:
        return f"stopped by {signal.Signals(-returncode).name}"
    return lines[0] if lines else f"exit code {returncode}"
