# SPDX-License-Identifier: Apache-2.0
"""An estimate of a Cortex-M4's cycles: Arm's table, for the instructions that an emulated core executed.

Source: Cortex-M4 Processor Technical Reference Manual (Arm DDI 0439), tables of instructions in chapter 3,
"Load/store timings" there, and the table of FPU instructions in chapter 7. They hold for memory without wait
states. Where the manual gives a range, the estimate takes

- a branch to an address in the instruction: 1 cycle and 1 for the refill of the pipeline, or 2 where the
  instruction it goes to is of 32 bits and not aligned to them; to any other address: 1 and 3 for the refill;
- a division: 7 cycles, the middle of 2 to 12;
- IT behind an instruction of 16 bits: none, as it is folded into that.

Nothing is added for flash, caches, write buffers, unaligned data, and literals that are loaded while
instructions are fetched. Instructions that a condition skips count as executed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from edgecnn.runtime.profiler import Block

_LINE = re.compile(r"^ *([0-9a-f]+):\t([0-9a-f ]+)\t([a-z]\S*)(?:\t([^@;\n]*))?", re.MULTILINE)
_MULTIPLE = re.compile(r"v?(ldm|stm|push|pop)")
_DOUBLE = re.compile(r"ldrd|strd")
_LOAD, _STORE = re.compile(r"ldr"), re.compile(r"str")
_OWN = (
    (re.compile(r"[su]div"), 7),
    (re.compile(r"tb[bh]"), 2),
    (re.compile(r"v(ldr|str)"), 2),
    (re.compile(r"v(div|sqrt)"), 14),
    (re.compile(r"v(n?ml|fn?m)[as]"), 3),
)
_REGISTER = re.compile(r"\b(r\d+|sb|sl|fp|ip|sp|lr|pc)\b")
_ONLY_FLAGS = re.compile(r"cmp|cmn|tst|teq")
_TO_TWO = re.compile(r"[su]m(ull|lal|lsld)")  # the result is in two registers
_DIRECT = re.compile(r"\b([0-9a-f]+) <")


@dataclass(frozen=True)
class Instruction:
    """One line of a disassembly; `size` is in bytes."""

    address: int
    size: int
    mnemonic: str
    operands: str


def disassembled(text: str) -> dict[int, Instruction]:
    """Return by address what `objdump -d` of a linked file says."""
    instructions = {}
    for address, code, mnemonic, operands in _LINE.findall(text):
        size = len(code.replace(" ", "")) // 2
        instructions[int(address, 16)] = Instruction(int(address, 16), size, mnemonic, operands.strip())
    return instructions


def cycles_by_step(blocks: Iterable[Block], code: Mapping[int, Instruction]) -> dict[int, int]:
    """Return the estimate for each step of a network.

    Args:
        blocks: what was executed.
        code: the program, from `disassembled`.
    """
    cycles: dict[int, int] = {}
    for block in blocks:
        instructions = list(_instructions(block, code))
        straight = _cycles(instructions[0], None)
        straight += sum(_cycles(at, before) for before, at in pairwise(instructions))
        jumps = block.jumped * _refill(instructions[-1], code) if block.jumped else 0
        cycles[block.step] = cycles.get(block.step, 0) + block.executed * straight + jumps
    return cycles


def _instructions(block: Block, code: Mapping[int, Instruction]) -> Iterable[Instruction]:
    address = block.begin
    while address < block.end:
        yield code[address]
        address += code[address].size


def _refill(branch: Instruction, code: Mapping[int, Instruction]) -> int:
    """Return the cycles that a taken branch costs on top of its own."""
    direct = _DIRECT.search(branch.operands)
    if direct is None:
        return 3
    target = code[int(direct[1], 16)]
    return 2 if target.size == 4 and target.address % 4 else 1


def _cycles(at: Instruction, before: Instruction | None) -> int:
    """Return the cycles of an instruction behind another one, a branch not being taken."""
    if _MULTIPLE.match(at.mnemonic):
        return 1 + _count(at.operands)
    if _accesses(at):
        return _access(at, before)
    if at.mnemonic.startswith("it"):
        return 0 if before is not None and before.size == 2 else 1
    return next((cycles for pattern, cycles in _OWN if pattern.match(at.mnemonic)), 1)


def _access(at: Instruction, before: Instruction | None) -> int:
    """Return the cycles of a load or store of one register, or of two with LDRD and STRD."""
    address = set(_REGISTER.findall(at.operands.partition("[")[2].partition("]")[0]))
    depends = before is not None and bool(address & _results(before))
    stall = depends and not _accesses(before)
    behind_load = before is not None and bool(_LOAD.match(before.mnemonic)) and not _is_double(before)
    if _is_double(at):
        return 3 + stall
    if _STORE.match(at.mnemonic) and len(address) == 1:
        return 1 + stall
    return 2 + stall - (behind_load and not depends)


def _is_double(at: Instruction) -> bool:
    return _DOUBLE.match(at.mnemonic) is not None


def _accesses(at: Instruction | None) -> bool:
    """Tell whether an instruction accesses memory."""
    return at is not None and any(kind.match(at.mnemonic) for kind in (_MULTIPLE, _LOAD, _STORE))


def _results(at: Instruction) -> set[str]:
    """Return the core registers that an instruction's operands say it writes, but for updated addresses."""
    if _ONLY_FLAGS.match(at.mnemonic) or _STORE.match(at.mnemonic) or _MULTIPLE.match(at.mnemonic):
        return set()
    count = 2 if _TO_TWO.match(at.mnemonic) or _is_double(at) else 1
    return set(_REGISTER.findall(",".join(at.operands.split(",")[:count])))


def _count(operands: str) -> int:
    """Return how many words a list of registers holds, such as {r4, r5, pc} or {s16-s19} or {d8-d9}."""
    words = 0
    for span in operands.partition("{")[2].rstrip("}").split(","):
        first, _, last = span.strip().partition("-")
        registers = int(last[1:]) - int(first[1:]) + 1 if last else 1
        words += registers * (2 if first.startswith("d") else 1)
    return words
