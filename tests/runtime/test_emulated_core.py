# SPDX-License-Identifier: Apache-2.0
"""Programs on emulated Cortex-M boards: bytes, exact instruction counts, stack, sizes, faults."""

from pathlib import Path

import pytest

from edgecnn.compiler.targets import TARGETS, find_target
from edgecnn.errors import EdgecnnError, MissingToolError
from edgecnn.runtime.cross_compiler import Binary, RunResult
from edgecnn.runtime.emulated_core import EmulatedCore
from edgecnn.runtime.program import Program

pytestmark = [
    pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi"),
    pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm"),
]
EMULATED = [name for name, target in TARGETS.items() if target.board]
EVERY_CORE = pytest.mark.parametrize("core", EMULATED)
HARNESS = """
#include "program.h"
int program_setup(void) { return 0; }
int program_run(const int8_t *input, int8_t *output)
{
    BODY
    return 0;
}
"""
# Executes 2 + 2 n instructions; n is given as a 32-bit little-endian input.
LOOP = """
#include "program.h"
int program_setup(void) { return 0; }
__attribute__((naked)) int program_run(const int8_t *input, int8_t *output)
{
    (void)input, (void)output;
#ifdef __riscv
    __asm__ volatile("lw a0, (a0)\\n1: addi a0, a0, -1\\nbnez a0, 1b\\nret");
#else
    __asm__ volatile(".syntax unified\\nldr r0, [r0]\\n1: subs r0, #1\\nbne 1b\\nbx lr");
#endif
}
"""


def program(text: str, folder: Path, input_bytes: int, output_bytes: int) -> Program:
    source = folder / "program.c"
    source.write_text(text)
    return Program((source,), '#include "program.h"\n', input_bytes, output_bytes)


def build(core: str, given: Program, folder: Path, optimize: str = "-O2") -> tuple[EmulatedCore, Binary]:
    emulated = EmulatedCore(find_target(core), optimize)
    return emulated, emulated.build(given, folder)


def run(core: str, text: str, folder: Path, inputs: list[bytes], output_bytes: int = 4) -> RunResult:
    emulated, firmware = build(core, program(text, folder, len(inputs[0]), output_bytes), folder)
    return emulated.run(firmware, inputs, timeout=60)


@EVERY_CORE
def test_every_byte_arrives_and_comes_back(core: str, tmp_path: Path) -> None:
    inputs = [bytes((a, 0, 255, 10)) for a in range(256)]
    backwards = HARNESS.replace("BODY", "for (int i = 0; i < 3; i++) { output[i] = input[3 - i]; }")
    assert run(core, backwards, tmp_path, inputs, 3).outputs == [data[:0:-1] for data in inputs]


@EVERY_CORE
@pytest.mark.parametrize("optimize", ["-Os", "-O3"])
def test_instructions_are_counted_exactly(core: str, optimize: str, tmp_path: Path) -> None:
    loops = [*range(1, 60), 1000, 12_345, 1_000_000]
    emulated, firmware = build(core, program(LOOP, tmp_path, 4, 4), tmp_path, optimize)
    result = emulated.run(firmware, [n.to_bytes(4, "little") for n in loops])
    assert result.instructions == [2 + 2 * n for n in loops]
    assert result.stack_bytes == 0


def test_the_timer_does_not_wrap_at_24_bits(tmp_path: Path) -> None:
    # A 24-bit timer, as SysTick is, would wrap after 671 million instructions.
    loops = 400_000_000
    assert run("cortex-m4", LOOP, tmp_path, [loops.to_bytes(4, "little")]).instructions == [2 + 2 * loops]


@EVERY_CORE
def test_stack_is_measured_and_bounded(core: str, tmp_path: Path) -> None:
    body = "volatile int8_t row[1024]; row[0] = 1; row[1023] = input[0]; output[0] = row[1023];"
    emulated, firmware = build(core, program(HARNESS.replace("BODY", body), tmp_path, 1, 1), tmp_path)
    painted = emulated.run(firmware, [bytes(1)]).stack_bytes
    assert 1024 <= painted <= firmware.stack.bytes <= 1024 + 32
    assert firmware.stack.unknown == ()


@EVERY_CORE
def test_an_overflowing_stack_is_reported(core: str, tmp_path: Path) -> None:
    body = """
    volatile int8_t row[66000];
    for (int i = 65999; i >= 0; i--) { row[i] = input[0]; }
    output[0] = row[0];
    """
    with pytest.raises(EdgecnnError, match="the stack of 64 KiB overflowed"):
        run(core, HARNESS.replace("BODY", body), tmp_path, [bytes(1)])


def test_sizes_are_those_of_the_sources_alone(tmp_path: Path) -> None:
    source = tmp_path / "model.c"
    source.write_text(
        "#include <stdint.h>\n"
        "int8_t lookup(int8_t index);\n"
        "static const int8_t table[999] = {1, 2, 3};\n"
        "static int32_t calls = 5;\n"
        "static int32_t history[25];\n"
        "int8_t lookup(int8_t index) { return table[history[++calls % 25]++ + index]; }\n"
    )
    harness = HARNESS.replace("BODY", "extern int8_t lookup(int8_t); output[0] = lookup(input[0]);")
    _, firmware = build("cortex-m4", Program((source,), harness, 1, 1), tmp_path, "-Os")
    assert (firmware.const_bytes, firmware.data_bytes, firmware.bss_bytes) == (999, 4, 100)
    assert 20 <= firmware.code_bytes <= 80


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_the_floating_point_unit_is_on(core: str, tmp_path: Path) -> None:
    body = "volatile float half = 0.5f; output[0] = (int8_t)((float)input[0] * half);"
    result = run(core, HARNESS.replace("BODY", body), tmp_path, [b"\x64", b"\x9c"], 1)
    assert result.outputs == [b"\x32", b"\xce"]


def test_vectors_work_on_the_m55(tmp_path: Path) -> None:
    body = "vstrbq_s8(output, vqaddq_s8(vldrbq_s8(input), vldrbq_s8(input + 1)));"
    harness = "#include <arm_mve.h>\n" + HARNESS.replace("BODY", body)
    result = run("cortex-m55", harness, tmp_path, [bytes(range(17))], 16)
    assert result.outputs == [bytes(2 * i + 1 for i in range(16))]


UNALIGNED = "output[0] = (int8_t)*(const volatile int32_t *)(uintptr_t)(input + 1);"


def test_an_unaligned_access_faults_where_the_core_has_none(tmp_path: Path) -> None:
    harness = HARNESS.replace("BODY", UNALIGNED)
    with pytest.raises(
        EdgecnnError, match=r"mps2-an385: the core faulted at 0x\w+, program_run at program.c:6"
    ):
        run("cortex-m0plus", harness, tmp_path, [bytes(8)])
    assert run("cortex-m3", harness, tmp_path, [b"\0\x05\0\0\0\0\0\0"]).outputs == [b"\x05\0\0\0"]


@EVERY_CORE
def test_a_stray_access_faults(core: str, tmp_path: Path) -> None:
    body = "output[0] = *(const volatile int8_t *)(0xf0000000u + (uint32_t)input[0]);"
    with pytest.raises(EdgecnnError, match=r"the core faulted at .*, program_run at program.c:6"):
        run(core, HARNESS.replace("BODY", body), tmp_path, [bytes(1)])


def test_failures_of_the_program_are_reported(tmp_path: Path) -> None:
    with pytest.raises(EdgecnnError, match="mps2-an386: program_run reported a failure"):
        run("cortex-m4", HARNESS.replace("BODY", "output[0] = input[0]; return 1;"), tmp_path, [bytes(1)])
    refuses = HARNESS.replace("{ return 0; }", "{ return -1; }").replace("BODY", "output[0] = input[0];")
    with pytest.raises(EdgecnnError, match="mps2-an386: program_setup reported a failure"):
        run("cortex-m4", refuses, tmp_path, [bytes(1)])


def test_it_may_be_built_in_a_relative_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("cortex-m4", HARNESS.replace("BODY", "output[0] = input[0];"), Path(), [b"\x05"], 1)
    assert result.outputs == [b"\x05"]


def test_an_endless_program_is_stopped(tmp_path: Path) -> None:
    endless = HARNESS.replace("BODY", "volatile int on = 1; while (on) { output[0] = input[0]; }")
    emulated, firmware = build("cortex-m4", program(endless, tmp_path, 1, 1), tmp_path)
    with pytest.raises(EdgecnnError, match=r"mps2-an386: still running after 0.5 seconds"):
        emulated.run(firmware, [bytes(1)], timeout=0.5)


@pytest.mark.parametrize(
    ("qualifier", "size", "memory"),
    [
        ("const", 17 << 20, "16777216 bytes for constants, the program takes 1782"),
        ("", 5 << 20, "4194304 bytes for stack, data and bss, the program takes 53"),
    ],
)
def test_a_program_too_large_for_the_board_is_one_line(
    qualifier: str, size: int, memory: str, tmp_path: Path
) -> None:
    text = f"{qualifier} signed char big[{size}] = {{1}};" + HARNESS.replace(
        "BODY", "output[0] = big[input[0]];"
    )
    with pytest.raises(EdgecnnError, match=f"^mps2-an385 has {memory}[0-9]*; run it on the host$"):
        build("cortex-m3", program(text, tmp_path, 1, 1), tmp_path)


def test_fifteen_megabytes_of_weights_fit_every_board(tmp_path: Path) -> None:
    text = "const signed char weights[15 << 20] = {[15 << 19] = 7};" + HARNESS.replace(
        "BODY", "output[0] = weights[(15 << 19) + input[0]];"
    )
    for core in EMULATED:
        assert run(core, text, tmp_path, [bytes(1)], 1).outputs == [b"\x07"], core


def test_a_target_without_a_board_is_refused() -> None:
    with pytest.raises(
        EdgecnnError, match=r"target wasm32 has no emulated board; .*: cortex-m0plus, cortex-m3"
    ):
        EmulatedCore(find_target("wasm32"))


def test_a_missing_tool_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="apt install gcc-arm-none-eabi libnewlib-arm-none-eabi"):
        EmulatedCore(find_target("cortex-m4"))
    compiler = tmp_path / "arm-none-eabi-gcc"
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    with pytest.raises(MissingToolError, match=r"has no C library; apt install .*libnewlib-arm-none-eabi"):
        EmulatedCore(find_target("cortex-m4"))
    compiler.write_text("#!/bin/sh\nexit 0\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="apt install qemu-system-arm"):
        EmulatedCore(find_target("cortex-m4"))
