# SPDX-License-Identifier: Apache-2.0
"""The estimate of cycles: the examples of Arm's manual, and each rule of the table by itself."""

import pytest

from edgecnn.runtime.cortex_m4_cycles import cycles_by_step, disassembled
from edgecnn.runtime.profiler import Block


def cycles(*lines: str, executed: int = 1, jumped: int = 0) -> int:
    """Return the estimate for instructions of 32 bits from address 0 on; those of 16 start with a blank."""
    text, address = "", 0
    for line in lines:
        size = 2 if line.startswith(" ") else 4
        mnemonic, _, operands = line.strip().partition(" ")
        text += f" {address:x}:\t{'f3af 8000' if size == 4 else 'bf00'} \t{mnemonic}\t{operands}\t@ 0x30\n"
        address += size
    code = disassembled("0000 <f>:\n" + text + " 100:\tbf00      \tnop\n 202:\tf3af 8000 \tnop.w\n")
    block = Block(7, 0, address, len(lines), executed, jumped)
    found = cycles_by_step([block], code)
    assert list(found) == [7]
    return found[7]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("ldr r0, [r1]", "ldr r1, [r2]"), 3),
        (("ldr r0, [r1, r2]", "str r0, [r3, #20]"), 3),
        (("ldr r0, [r1, r2]", "str r1, [r3, r2]"), 3),
        (("ldr r0, [r1, r5]", "ldr r1, [r2]", "ldr r2, [r3, #4]"), 4),
        (("ldmia.w r9!, {r0, r1, r2}",), 4),
        (("stmia.w r9!, {r0, r1, r2, r3, r4, r5, r6, r7}",), 9),
        (("ldrd r0, r1, [r2, #8]", "ldrd r3, r4, [r2]"), 6),
    ],
)
def test_the_examples_of_the_manual(lines: tuple[str, ...], expected: int) -> None:
    assert cycles(*lines) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("add r0, r1, r2", "smlad r0, r1, r2, r3", "smull r0, r1, r2, r3", "bic.w r0, r0, #1"), 4),
        (("ldr r0, [r1]", "ldr r2, [r0]"), 4),  # the address is not there yet
        (("str r0, [r1, #4]",), 1),
        (("str r0, [r1, r2]",), 2),
        (("str r0, [r1, r2]", "ldr r0, [r1]"), 4),  # nothing is pipelined behind a store
        (("adds r1, #4", "ldrb r0, [r1]"), 4),  # the address comes from the instruction before
        (("cmp r1, #4", "ldrb r0, [r1]"), 3),
        (("smull r2, r1, r3, r4", "ldrsb r0, [r1]"), 4),
        (("udiv r0, r1, r2",), 7),
        ((" it eq", " moveq r0, r1"), 2),
        ((" movs r0, r1", " it eq", " moveq r0, r1"), 2),  # folded
        (("vldr s0, [r1]", "vmul.f32 s0, s1, s2", "vfma.f32 s0, s1, s2", "vdiv.f32 s0, s1, s2"), 20),
        (("vpush {d8-d9}", "vstmia r0!, {s16-s19}"), 10),
        (("push {r4, lr}",), 3),
    ],
)
def test_rules(lines: tuple[str, ...], expected: int) -> None:
    assert cycles(*lines, executed=3) == 3 * expected


@pytest.mark.parametrize(
    ("branch", "when_taken"),
    [
        (" bne.n 100 <f+0x100>", 2),
        ("bl 202 <f+0x202>", 3),  # to 32 bits that are not aligned
        ("bx lr", 4),
        ("pop {r4, pc}", 3 + 3),
        ("tbh [pc, r3, lsl #1]", 2 + 3),
    ],
)
def test_branches_cost_more_when_they_are_taken(branch: str, when_taken: int) -> None:
    assert cycles(branch, executed=10, jumped=4) == 10 * cycles(branch) + 4 * (when_taken - cycles(branch))
