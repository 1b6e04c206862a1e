# SPDX-License-Identifier: Apache-2.0
"""What benchmarks/compiled_c.py makes of figures: a chart that is XML, tables with goals beside them."""

import json
import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RESULTS = BENCHMARKS / "results"


@pytest.fixture
def compiled_c(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import compiled_c

    return compiled_c


@pytest.fixture
def result() -> dict:
    return json.loads((RESULTS / "compiled_c.json").read_text())


def test_the_chart_shows_every_figure(compiled_c: ModuleType, result: dict) -> None:
    width = {int(side): sizes for side, sizes in result["cainvas_by_side"].items()}
    root = ElementTree.fromstring(compiled_c.chart(width))
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    for side, sizes in width.items():
        assert {str(side), f"{sizes['arena_rows']:,}", f"{sizes['arena_whole']:,}"} <= texts


def test_the_tables_say_what_was_measured(compiled_c: ModuleType, result: dict) -> None:
    quoted = json.loads((RESULTS / "tflm.json").read_text())["models"]
    text = compiled_c.table(result, quoted)
    assert text == (RESULTS / "compiled_c.md").read_text()
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    for lines in tables:
        assert len({len(re.findall(r"\|", line)) for line in lines}) == 1
    assert f"| cainvas | {result['models']['cainvas']['arena_rows']:,} (10,240) " in text


def test_the_goals_are_met(compiled_c: ModuleType, result: dict) -> None:
    for name, (rows, whole) in compiled_c.GOALS.items():
        row = result["models"][name]
        assert row["arena_rows"] <= rows
        assert whole is None or row["arena_whole"] <= whole
        assert row["state_bytes"] + row["static_bytes"] + row["speed"]["stack_bytes"] <= 2048
