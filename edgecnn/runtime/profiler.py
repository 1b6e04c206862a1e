# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of each step of a network on an emulator, by a plugin for QEMU (profiler.c).

The program runs as it is, so that the counts of all steps add up to what it executes without the plugin.
"""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn.errors import EdgecnnError
from edgecnn.runtime.host_compiler import HostCompiler
from edgecnn.runtime.program import HERE, Program


@dataclass(frozen=True)
class Block:
    """Instructions that lie and are executed one behind the other, in one step of the network.

    Attributes:
        step: of the network; `BEFORE_THE_FIRST` in the code that runs before it.
        begin, end: the first address, and the one behind.
        instructions: in the block.
        executed: how often.
        jumped: how often of that it ended in a jump, and not in going on to what lies behind it.
    """

    step: int
    begin: int
    end: int
    instructions: int
    executed: int
    jumped: int


BEFORE_THE_FIRST = 256


class Profiler:
    """The plugin, built for the installed version of an emulator."""

    def __init__(self, emulator: str, folder: Path) -> None:
        """Build the plugin for `emulator`, such as qemu-system-arm, in `folder`.

        Raises:
            MissingToolError: gcc is not installed.
        """
        self._plugin, self._steps, self._out = (folder / name for name in ("profiler.so", "steps", "blocks"))
        version = subprocess.run([emulator, "--version"], check=True, capture_output=True, text=True).stdout
        major = int(re.findall(r"version (\d+)", version)[0])
        # QEMU 9.0 broke with plugins of version 1, for functions that this one doesn't call.
        HostCompiler().compile(
            [HERE / "profiler.c"], self._plugin, [f"-DPLUGIN_VERSION={1 if major < 9 else 2}"]
        )

    def flags(self, program: Program, symbols: dict[str, int]) -> list[str]:
        """Return what to give to the emulator so that it profiles a program with these addresses."""
        self._steps.write_bytes(program.order)
        run, table = symbols["program_run"], symbols[program.order_name]
        given = f"run={run:#x},table={table:#x},steps={self._steps},out={self._out}"
        return ["-plugin", f"file={self._plugin},{given}"]

    def blocks(self) -> list[Block]:
        """Return what the emulator counted.

        Raises:
            EdgecnnError: it has not: this QEMU is built without plugins.
        """
        if not self._out.exists():
            raise EdgecnnError("QEMU wrote no profile; is it built with --enable-plugins, as Debian's is?")
        return [Block(*map(int, line.split())) for line in self._out.read_text().splitlines()]


def instructions_by_step(blocks: Sequence[Block]) -> dict[int, int]:
    """Return how many instructions were executed in each step."""
    counts: dict[int, int] = {}
    for block in blocks:
        counts[block.step] = counts.get(block.step, 0) + block.instructions * block.executed
    return counts
