# SPDX-License-Identifier: Apache-2.0
"""Which devices hold the C of a plan, how long an inference takes there, and what is said of it."""

import re
from dataclasses import replace
from pathlib import Path

import networks
import pytest

from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.compiler.fits import Fit, Needs, cycles_each, fits, sentences
from edgecnn.compiler.targets import KIB, PARTS, STACK_BYTES, TARGETS

TINY = Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"
M4, M3 = TARGETS["cortex-m4"], TARGETS["cortex-m3"]


def compiled(target: str = "cortex-m4", **options: object) -> CompiledModel:
    return compile_tflite(TINY, name="tiny", target=target, **options)  # type: ignore[arg-type]


def test_what_is_taken_of_a_part_is_rounded_up() -> None:
    needs = Needs(M4, 16_384, 8_000, 900_000)
    first, second = sentences(needs)
    assert first == (
        "Fits an STM32F411CE (flash 4%, RAM 7%), 0.9 M instructions, about "
        f"{0.9e6 * cycles_each(M4) / 100e3:.3g} ms at 100 MHz (estimate)."
    )
    assert re.fullmatch(
        r"Instructions by a model that is \d% off .* at 1\.\d+ cycles each, by Arm's table, .*", second
    )
    assert str(Fit(replace(needs, flash=1, ram=1), M4)) == "STM32F411CE (flash 1%, RAM 1%)"


def test_large_numbers_have_no_exponents() -> None:
    [first, _] = sentences(Needs(M4, 1, 1, 1_845_741_684))
    assert "1,850 M instructions, about 26,200 ms at 100 MHz" in first
    assert "21,100 instructions, about 0.3 ms" in sentences(Needs(M4, 1, 1, 21_123))[0]


def test_a_part_needs_room_for_the_stack_too() -> None:
    room = 20 * KIB - STACK_BYTES
    assert Fit(Needs(M3, 1000, room, 1), M3).holds
    assert not Fit(Needs(M3, 1000, room + 1, 1), M3).holds
    assert not Fit(Needs(M3, 64 * KIB + 1, 1, 1), M3).holds
    [first, _] = sentences(Needs(M3, 90_000, 5_000, 2_000_000))
    assert first.startswith(
        "Does not fit an STM32F103C8 (flash 138%, RAM 25%), 2 M instructions, about 27.8 ms"
    )


def test_measured_figures_are_not_called_estimates() -> None:
    assert "as QEMU counts them" in sentences(Needs(M4, 1, 1, 1_000_000, measured=True))[1]
    assert "% off on average" in sentences(Needs(M4, 1, 1, 1_000_000))[1]


def test_c_for_no_core_fits_parts_of_all_and_c_for_one_those_of_its_kind() -> None:
    needs = Needs(TARGETS["c99"], 40_000, 5_000, None)
    assert {fit.device.part for fit in fits(needs)} == set(PARTS)
    assert sentences(needs)[0] == (
        "Fits an STM32F103C8 (flash at most 62%, RAM 25%) and 6 larger parts (estimate)."
    )
    assert {fit.device.isa for fit in fits(replace(needs, target=M4))} == {"dsp"}
    assert sentences(replace(needs, target=TARGETS["x86-64"])) == []
    huge = replace(needs, flash=20 << 20)
    assert sentences(huge)[0].startswith("Fits none of the parts that edgecnn knows (estimate): ")


@pytest.mark.parametrize("target", [name for name, row in TARGETS.items() if row.part])
def test_the_plan_of_every_core_tells_flash_instructions_and_time(target: str) -> None:
    told = compiled(target).plan["estimate"]
    [own] = [part for part in told["parts"] if part["part"] == TARGETS[target].part]
    assert own["holds"]
    assert own["flash"] == pytest.approx(told["flash_bytes"] / (TARGETS[target].flash or 1))
    clock = (TARGETS[target].mhz or 0) * 1000
    cycles = own["milliseconds"] * clock / told["instructions"]
    assert cycles == pytest.approx(cycles_each(TARGETS[target]))
    assert 300 < told["flash_bytes"] < 30_000


def test_of_code_made_small_no_instructions_are_told() -> None:
    assert compiled(optimize="size").plan["estimate"]["instructions"] is None
    assert "instructions" not in compiled(optimize="size").header.partition("USAGE")[0]


def test_the_header_says_what_the_plan_alone_tells() -> None:
    header = " ".join(compiled().header.partition("USAGE")[0].replace("*", "").split())
    assert re.search(r"multiplications per inference, about [\d,]+ instructions flash about", header)
    assert "bytes of code and constants fits STM32F411CE (flash 1%, RAM 1%), STM32F746ZG" in header
    assert compiled().header == compiled().header
    assert "flash at most" in compiled("c99").header
    assert "fits " not in compiled("aarch64").header.partition("USAGE")[0]


def test_a_network_that_no_part_holds_says_so() -> None:
    model = compile_tflite(networks.small(), name="small", target="cortex-m4")
    needs = replace(model.model.needs, flash=64 << 20)
    assert not any(fit.holds for fit in fits(needs))
