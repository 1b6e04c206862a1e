# SPDX-License-Identifier: Apache-2.0
"""What benchmarks/systems_ram.py stored: every network is there, and the goal kept where it can be."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.models import architectures

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


def test_the_goal_is_kept_but_where_attention_needs_a_whole_map() -> None:
    assert set(STORED["systems"]) == set(architectures())
    ratios = {name: row["whole_bytes"] / row["arena_bytes"] for name, row in STORED["systems"].items()}
    assert {name for name, ratio in ratios.items() if ratio < STORED["goal"]} <= {"cbam"}
    assert all(row["compile_seconds"] < 60 for row in STORED["systems"].values())


def test_whole_bytes_are_those_alive_at_once(systems_ram: ModuleType) -> None:
    sizes = (10, 20, 30, 5)
    tensors = tuple(Tensor(str(size), (size,), "int8") for size in sizes)
    # 1 is read again at the end; 2 is not.
    chain = (((0,), 1), ((1,), 2), ((1, 2), 3))
    operators = tuple(Operator("ADD", n, read, (made,)) for n, (read, made) in enumerate(chain))
    assert systems_ram.whole_bytes(Graph(tensors, operators, (0,), (3,))) == 55
