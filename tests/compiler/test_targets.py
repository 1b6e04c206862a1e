# SPDX-License-Identifier: Apache-2.0
"""The rows of targets: complete, consistent, and accepted by the compilers they name."""

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.targets import TARGETS, Target, find_target
from edgecnn.errors import EdgecnnError

# What the compiler says of the instruction sets that kernels are written for.
# What the compiler says of the instruction sets that kernels are written for.
MACROS = {
    "dsp": "__ARM_FEATURE_DSP",
    "mve": "__ARM_FEATURE_MVE",
    "neon": "__ARM_NEON",
    "avx2": "__AVX2__",
    "simd128": "__wasm_simd128__",
}
TINY = Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"
NAMES = """
    c99 cortex-m0plus cortex-m3 cortex-m4 cortex-m7 cortex-m33 cortex-m55 rv32 aarch64 armv7
    x86-64 x86-64-vnni wasm32
"""
ON_BOARDS = [target for target in TARGETS.values() if target.board]


def test_every_promised_target_has_a_row() -> None:
    assert list(TARGETS) == NAMES.split()
    assert all(find_target(name).name == name for name in TARGETS)


def test_an_unknown_target_is_told_the_known_ones() -> None:
    with pytest.raises(EdgecnnError, match='no target "cortex-m5"; choose one of c99, cortex-m0plus'):
        find_target("cortex-m5")


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_a_row_is_consistent(target: Target) -> None:
    assert [target.native, target.board is not None, target.emulator is not None].count(True) == 1
    assert target.cc in target.tools
    assert (target.part is None) == (target.flash is None) == (target.ram is None)


@pytest.mark.parametrize("target", ON_BOARDS, ids=lambda target: target.name)
def test_memory_regions_do_not_overlap_and_ticks_can_be_resolved(target: Target) -> None:
    assert target.board is not None
    regions = sorted((target.board.code, target.board.const, target.board.ram), key=lambda r: r.origin)
    assert all(low.origin + low.size <= high.origin for low, high in pairwise(regions))
    assert target.board.instructions_per_tick % 3, (
        "the clock of emulated_core.c reads every third instruction"
    )


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "c99"])
def test_the_flags_give_the_instruction_set(target: str) -> None:
    row = find_target(target)
    command = [row.cc, *row.cflags, "-dM", "-E", "-x", "c", "/dev/null"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    macros = dict(re.findall(r"^#define (\w+) (.*)$", text, re.MULTILINE))
    sets = {isa for isa, macro in MACROS.items() if macro in macros}
    assert row.isa in (sets or {"scalar"})
    assert ("__thumb__" in macros) == ("arm" in row.cc)
    assert ("__ARM_FP" in macros) == (row.isa in {"dsp", "mve", "neon"})


@pytest.mark.parametrize("target", TARGETS)
def test_another_byte_order_is_refused_when_compiling(target: str, tmp_path: Path) -> None:
    row = find_target(target)
    compiled = compile_tflite(TINY, name="tiny", target=target)
    compiled.write(tmp_path)
    big = ["-U__BYTE_ORDER__", "-D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__"]
    command = [row.cc, *row.cflags, *big, "-fsyntax-only", tmp_path / "tiny.c"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode
    assert "big-endian" in result.stderr
