# SPDX-License-Identifier: Apache-2.0
"""Instruction counts: none rises by more than 2% over the stored one."""

import json
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORED = json.loads((ROOT / "benchmarks" / "results" / "cores.json").read_text())
DATA = os.environ.get("EDGECNN_DATA")
OTHERS = pytest.mark.skipif(DATA is None, reason="needs EDGECNN_DATA with edge-models")


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4", "cortex-m55", "rv32"])
@pytest.mark.parametrize(
    "model", ["cainvas", pytest.param("resnet8", marks=OTHERS), pytest.param("person_detect", marks=OTHERS)]
)
def test_no_count_rises(model: str, core: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.setattr(sys, "path", [*sys.path])  # the script adds to it
    import cores

    stored, here = STORED["compilers"][core], cores.compiler(core)
    if here != stored:
        pytest.skip(f"counts are stored for {stored}; this is {here}")
    path = cores.models(tmp_path, Path(DATA) if DATA else None)[model]
    count = STORED["models"][model][core]["instructions"]
    assert cores.measure(path, core)["instructions"] <= 1.02 * count, (
        f"{model} on {core} takes more instructions; if that is meant: {STORED['command']}"
    )


def test_goals_are_kept() -> None:
    """Instructions, RAM, and bytes of code: what the project promises."""
    names = ("cainvas", "resnet8", "person_detect")
    instructions = {
        "cortex-m3": (28_000_000, 25_100_000, 18_300_000),
        "cortex-m4": (15_400_000, 14_900_000, 11_800_000),
        "cortex-m55": (3_350_000, 3_610_000, 3_830_000),
    }
    for core, goals in instructions.items():
        for name, most, arena in zip(names, goals, (10_240, 16_384, 14_336), strict=True):
            assert STORED["models"][name][core]["instructions"] <= most
            assert STORED["models"][name][core]["arena_bytes"] <= arena
    assert STORED["models"]["cainvas"]["cortex-m4"]["code_bytes"] <= 16 * 1024


def test_the_chart_shows_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    import cores

    assert cores.chart(STORED["models"], cores.quoted()) == (cores.RESULTS / "cores.svg").read_text()
