# SPDX-License-Identifier: Apache-2.0
"""Programs for another machine's Linux: bytes, instructions, failures."""

from pathlib import Path

import pytest

from edgecnn.compiler.targets import TARGETS, find_target
from edgecnn.errors import EdgecnnError, MissingToolError
from edgecnn.runtime.emulated_linux import EmulatedLinux
from edgecnn.runtime.profiler import instructions_by_step
from edgecnn.runtime.program import Program

LINUX = [name for name, row in TARGETS.items() if row.emulator and row.emulator[0].startswith("qemu")]
HARNESS = """
#include "program.h"
#ifdef __aarch64__
#define COUNT "%w0"
#else
#define COUNT "%0"
#endif
extern const uint8_t table[2];
const uint8_t table[2] = {3, 1};
int program_setup(void) { return SETUP; }
int program_run(const int8_t *input, int8_t *output)
{
    const volatile uint8_t *order = table;
    const int step = order[0];
    int count = input[0] + 1;
    __asm__ volatile("1: subs " COUNT ", " COUNT ", #1\\n\\tbne 1b" : "+r"(count) : : "cc");
    output[0] = (int8_t)(input[1] + step);
    return input[1] == 99;
}
"""


def build(target: str, folder: Path, setup: str = "0") -> tuple[EmulatedLinux, Program]:
    source = folder / "program.c"
    source.write_text(HARNESS.replace("SETUP", setup))
    program = Program((source,), '#include "program.h"\n', 2, 1, (), "table", b"\3")
    return EmulatedLinux(find_target(target)), program


@pytest.mark.parametrize("target", LINUX)
def test_bytes_come_back_and_instructions_are_counted(target: str, tmp_path: Path) -> None:
    emulated, program = build(target, tmp_path)
    binary = emulated.build(program, tmp_path)
    assert emulated.run(binary, [b"\1\5", b"\2\7"]).outputs == [b"\x08", b"\x0a"]
    few, many = (
        sum(instructions_by_step(emulated.profile(binary, bytes((n, 0)))).values()) for n in (10, 110)
    )
    assert many - few == 2 * (110 - 10)


@pytest.mark.parametrize("target", LINUX[:1])
def test_failures_are_reported(target: str, tmp_path: Path) -> None:
    emulated, program = build(target, tmp_path)
    with pytest.raises(EdgecnnError, match="program_run returned 1"):
        emulated.run(emulated.build(program, tmp_path), [b"\0\x63"])
    emulated, program = build(target, tmp_path, setup="7")
    with pytest.raises(EdgecnnError, match="program_setup returned 7"):
        emulated.run(emulated.build(program, tmp_path), [b"\0\0"])


def test_a_missing_tool_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="apt install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"):
        EmulatedLinux(find_target("aarch64"))
