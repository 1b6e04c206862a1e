# SPDX-License-Identifier: Apache-2.0
"""benchmarks/compression.py: what follows from the points, and what is stored."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RESULTS = BENCHMARKS / "results"
STORED = json.loads((RESULTS / "compression.json").read_text())["studies"]


@pytest.fixture
def compression(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import compression

    return compression


def _point(method: str, budget: float | None, seed: int, right: list[int]) -> dict[str, Any]:
    costs: dict[str, Any] = {"macs": 100 + 100 * seed, "const_bytes": 50, "code_bytes": 5, "arena_bytes": 7}
    costs |= {"instructions": 1000, "measured": True}
    costs |= {"oracle": "o", "bytes_compared": 3, "bytes_different": 0}
    return {
        **{"method": method, "budget": budget, "seed": seed, "bytes": 1, "gzip_bytes": 1},
        **({} if method == "float32" else costs),
        "test_images": len(right),
        "right": np.packbits(np.array(right, bool)).tobytes().hex(),
    }


def test_figures_are_means_over_seeds_and_losses_are_paired(compression: ModuleType) -> None:
    seeds = [
        {
            "float32": _point("float32", None, seed, [1] * 10),
            "filters-0.07": _point("filters", 0.07, seed, [0] * (1 + seed) + [1] * (9 - seed)),
            "from scratch-0.07": _point("from scratch", 0.07, seed, [1] * 6 + [0] * 4),
        }
        for seed in range(2)
    ]
    del seeds[1]["from scratch-0.07"]
    float32, filters, scratch = compression.figures_of(seeds)
    assert float32["accuracy"] == {"value": 100, "ci95": (100, 100)}
    assert float32["loss"]["value"] == 0
    assert filters["accuracy"]["value"] == pytest.approx(85)
    assert filters["loss"]["value"] == pytest.approx(15)
    assert filters["loss"]["ci95"][0] < 15 < filters["loss"]["ci95"][1]
    assert filters["gain"]["value"] == pytest.approx(30)  # of the seed that has both
    assert (filters["seeds"], scratch["seeds"]) == ([0, 1], [0])
    assert filters["macs"] == 150
    assert (filters["bytes_compared"], filters["bytes_different"]) == (6, 0)


def test_a_part_of_the_images_is_learned_from_and_all_are_tested_on(compression: ModuleType) -> None:
    from edgecnn.data.arrays import Arrays

    def arrays(count: int) -> Arrays:
        names = tuple(map(str, range(count)))
        return Arrays(np.zeros((count, 1, 1, 1), np.uint8), np.arange(count), names, tuple(map(Path, names)))

    whole = {"train": arrays(100), "validation": arrays(50), "test": arrays(40)}
    assert compression.fewer(whole, None) is whole
    part = compression.fewer(whole, 40)
    assert {name: len(found.labels) for name, found in part.items()} == {
        "train": 40,
        "validation": 6,
        "test": 40,
    }
    assert part["train"].labels.tolist() == sorted(set(part["train"].labels.tolist()))


@pytest.mark.parametrize("name", STORED)
def test_the_table_and_the_charts_are_those_of_the_figures(compression: ModuleType, name: str) -> None:
    assert compression.table(name, STORED[name]) in (RESULTS / "compression.md").read_text()
    path = RESULTS / f"compression-{name.replace(' ', '-')}.svg"
    assert path.read_text() == compression.chart(name, STORED[name])
    ET.fromstring(path.read_text())


@pytest.mark.parametrize("name", STORED)
def test_the_readme_has_the_table_and_the_command(compression: ModuleType, name: str) -> None:
    readme = (BENCHMARKS.parent / "README.md").read_text()
    assert compression.summary(STORED[name]) in readme
    assert STORED[name]["command"] in readme


@pytest.mark.parametrize("name", STORED)
def test_the_c_of_each_point_equals_tflite(name: str) -> None:
    points = STORED[name]["points"]
    assert {"float32", "int8", "filters"} <= {point["method"] for point in points}
    for point in points:
        if point["method"] != "float32":
            assert point["bytes_different"] == 0 < point["bytes_compared"]
            assert point["measured"]
