# SPDX-License-Identifier: Apache-2.0
"""The plugin for QEMU, on a program whose every instruction is known."""

from pathlib import Path

import pytest

from edgecnn.compiler.targets import find_target
from edgecnn.errors import EdgecnnError
from edgecnn.runtime.emulated_core import EmulatedCore
from edgecnn.runtime.profiler import BEFORE_THE_FIRST, Profiler, instructions_by_step
from edgecnn.runtime.program import Program

pytestmark = [
    pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi"),
    pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm"),
]
# Reads the first pair of the table and loops 100 times, reads the second pair and loops 7 times.
LOOPS = """
#include "program.h"
extern const uint8_t table[4];
const uint8_t table[4] = {5, 1, 9, 1};
int program_setup(void) { return 0; }
__attribute__((naked)) int program_run(const int8_t *input, int8_t *output)
{
    (void)input, (void)output;
    __asm__ volatile(".syntax unified\\n\\t"
                     "ldr r2, =table\\n\\t"
                     "ldrb r3, [r2]\\n\\t"
                     "movs r1, #100\\n"
                     "1: subs r1, #1\\n\\t"
                     "bne 1b\\n\\t"
                     "ldrb r3, [r2, #2]\\n\\t"
                     "movs r1, #7\\n"
                     "2: subs r1, #1\\n\\t"
                     "bne 2b\\n\\t"
                     "movs r0, #0\\n\\t"
                     "bx lr");
}
"""


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_instructions_are_given_to_the_step_that_runs(core: str, tmp_path: Path) -> None:
    source = tmp_path / "program.c"
    source.write_text(LOOPS)
    program = Program((source,), '#include "program.h"\n', 4, 4, (), "table", b"\5\x09")
    emulated = EmulatedCore(find_target(core))
    firmware = emulated.build(program, tmp_path)
    blocks = emulated.profile(firmware, bytes(4))
    # A step begins with the block behind the one that reads the table, and blocks end in branches.
    assert instructions_by_step(blocks) == {BEFORE_THE_FIRST: 5, 5: 2 * 99 + 4, 9: 2 * 6 + 2}
    assert emulated.run(firmware, [bytes(4)]).instructions == [5 + 2 * 99 + 4 + 2 * 6 + 2]
    loops = [block for block in blocks if block.instructions == 2 and block.executed > 1]
    assert {block.step: block.jumped for block in loops} == {5: 98, 9: 5}
    assert sum(block.jumped for block in blocks) == 99 + 6 + 1, "the return is a jump, too"


def test_a_qemu_without_plugins_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(EdgecnnError, match="QEMU wrote no profile; is it built with --enable-plugins"):
        Profiler("qemu-system-arm", tmp_path).blocks()
