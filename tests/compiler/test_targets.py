# SPDX-License-Identifier: Apache-2.0
"""The rows of targets: complete, consistent, and accepted by the compilers they name."""

import re
import subprocess
from itertools import pairwise

import pytest

from edgecnn.compiler.targets import TARGETS, Target, find_target
from edgecnn.errors import EdgecnnError

NAMES = "c99 cortex-m0plus cortex-m3 cortex-m4 cortex-m7 cortex-m33 cortex-m55 rv32 aarch64 x86-64 wasm32"
ON_BOARDS = [target for target in TARGETS.values() if target.board]


def test_every_promised_target_has_a_row() -> None:
    assert list(TARGETS) == NAMES.split()
    assert all(find_target(name).name == name for name in TARGETS)


def test_an_unknown_target_is_told_the_known_ones() -> None:
    with pytest.raises(EdgecnnError, match='no target "cortex-m5"; choose one of c99, cortex-m0plus'):
        find_target("cortex-m5")


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_a_row_is_consistent(target: Target) -> None:
    assert target.alignment in {4, 8, 16, 32}
    assert not (target.native and target.board)
    assert (target.part is None) == (target.flash is None) == (target.ram is None)


@pytest.mark.parametrize("target", ON_BOARDS, ids=lambda target: target.name)
def test_memory_regions_do_not_overlap_and_ticks_can_be_resolved(target: Target) -> None:
    assert target.board is not None
    regions = sorted((target.board.code, target.board.const, target.board.ram), key=lambda r: r.origin)
    assert all(low.origin + low.size <= high.origin for low, high in pairwise(regions))
    assert target.board.instructions_per_tick % 3, (
        "the clock of emulated_core.c reads every third instruction"
    )


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.parametrize("target", ON_BOARDS, ids=lambda target: target.name)
def test_the_flags_give_the_instruction_set(target: Target) -> None:
    command = [target.cc, *target.cflags, "-dM", "-E", "-x", "c", "/dev/null"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    macros = dict(re.findall(r"^#define (\w+) (.*)$", text, re.MULTILINE))
    features = {name for name in ("DSP", "MVE") if f"__ARM_FEATURE_{name}" in macros}
    assert features == {"scalar": set(), "dsp": {"DSP"}, "mve": {"DSP", "MVE"}}[target.isa]
    assert "__thumb__" in macros
    assert ("__ARM_FP" in macros) == (target.isa in {"dsp", "mve"})
