# SPDX-License-Identifier: Apache-2.0
"""A C program under test, and what compiling and running it has in common on the host and on a board."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn.errors import EdgecnnError, MissingToolError

HERE = Path(__file__).parent

# The list of warnings that generated C is free of.
WARNINGS = (
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Wundef",
    "-Wcast-align",
    "-Werror",
)

_DRIVER = re.compile("collect2: error|clang.*: linker command failed")


@dataclass(frozen=True)
class Program:
    """C sources and the harness that calls them.

    Attributes:
        sources: C files under test; their size and their stack are what is measured.
        harness: C text that defines `program_setup` and `program_run`; it may include "program.h".
        input_bytes: size of one input.
        output_bytes: size of one output.
        include_dirs: where the sources and the harness find their headers.
        order_name: the table in the sources that holds, in pairs of bytes, which step fires and how often.
        order: the first byte of each pair, by which a profile tells steps apart.
        reports: whether the harness defines `program_report`, too.
    """

    sources: Sequence[Path]
    harness: str
    input_bytes: int
    output_bytes: int
    include_dirs: Sequence[Path] = ()
    order_name: str = ""
    order: bytes = b""
    reports: bool = False

    def write_harness(self, folder: Path) -> Path:
        """Write the harness to `folder` and return its path."""
        path = folder / "harness.c"
        path.write_text(self.harness)
        return path

    def flags(self) -> list[str]:
        """Return the compiler flags with which the harness and our main functions find what they need."""
        return [
            *(f"-I{folder}" for folder in (*self.include_dirs, HERE)),
            f"-DPROGRAM_INPUT_BYTES={self.input_bytes}",
            f"-DPROGRAM_OUTPUT_BYTES={self.output_bytes}",
            *(["-DPROGRAM_REPORTS"] if self.reports else []),
        ]

    def check(self, inputs: Sequence[bytes]) -> None:
        """Check the size of every input.

        Raises:
            EdgecnnError: there are no inputs, or one has another size.
        """
        if not inputs:
            raise EdgecnnError("the program got no inputs to run on; give at least one")
        for index, data in enumerate(inputs):
            if len(data) != self.input_bytes:
                wrong = f"input {index} has {len(data)} bytes"
                raise EdgecnnError(f"{wrong}; the program takes {self.input_bytes}")

    def split(self, outputs: bytes) -> list[bytes]:
        """Cut a stream of outputs into one `bytes` per input."""
        return [outputs[at : at + self.output_bytes] for at in range(0, len(outputs), self.output_bytes)]


def need_tool(name: str, packages: Iterable[str]) -> None:
    """Check that program `name` is installed.

    Raises:
        MissingToolError: it isn't; the message names the Debian packages that bring it.
    """
    if shutil.which(name) is None:
        raise MissingToolError(f"{name} is not installed; apt install {' '.join(packages)}")


def need_c_library(compiler: Sequence[str], packages: Iterable[str]) -> None:
    """Check that a compiler, given with its flags, finds a C library's headers.

    Raises:
        MissingToolError: it doesn't; the message names the Debian packages that bring both.
    """
    command = [*compiler, "-E", "-x", "c", "-"]
    if subprocess.run(command, check=False, input=b"#include <string.h>", capture_output=True).returncode:
        raise MissingToolError(f"{compiler[0]} has no C library; apt install {' '.join(packages)}")


def compile_c(command: Sequence[str | Path]) -> None:
    """Run a compiler or linker.

    Raises:
        EdgecnnError: it fails; the message is the first line that says "error", or the linker's last one.
    """
    result = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    if result.returncode:
        # What remains when the driver's own "ld returned 1 exit status" is left out.
        lines = [line for line in result.stderr.splitlines() if not _DRIVER.match(line)]
        line = next((line for line in lines if "error:" in line), "".join(lines[-1:]))
        raise EdgecnnError(f"{command[0]}: {line.strip() or f'exit code {result.returncode}'}")
