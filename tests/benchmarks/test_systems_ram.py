# SPDX-License-Identifier: Apache-2.0
"""What benchmarks/systems_ram.py stored: every network is there, keeps the goal, and equals TFLite."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from edgecnn.compiler.ir import Graph, Operator, Tensor

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
STORED = json.loads((BENCHMARKS / "results" / "systems_ram.json").read_text())


@pytest.fixture
def systems_ram(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import systems_ram

    return systems_ram


def test_the_table_is_that_of_the_figures(systems_ram: ModuleType) -> None:
    stored = (BENCHMARKS / "results" / "systems_ram.md").read_text()
    assert stored == systems_ram.table(STORED)
    assert tuple(STORED["systems"]) == systems_ram.SYSTEMS


@pytest.mark.parametrize("name", STORED["systems"])
def test_the_goal_is_kept_and_no_byte_differs(name: str) -> None:
    row = STORED["systems"][name]
    assert row["whole_bytes"] >= STORED["goal"] * row["arena_bytes"]
    assert row["bytes_different"] == 0 < row["bytes_compared"]
    assert row["compile_seconds"] < 60


def test_whole_bytes_are_those_alive_at_once(systems_ram: ModuleType) -> None:
    sizes = (10, 20, 30, 5)
    tensors = tuple(Tensor(str(size), (size,), "int8") for size in sizes)
    # 1 is read again at the end; 2 is not.
    chain = (((0,), 1), ((1,), 2), ((1, 2), 3))
    operators = tuple(Operator("ADD", n, read, (made,)) for n, (read, made) in enumerate(chain))
    assert systems_ram.whole_bytes(Graph(tensors, operators, (0,), (3,))) == 55
