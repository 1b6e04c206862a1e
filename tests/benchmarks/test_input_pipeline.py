# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the input pipeline runs, and compares what was measured in the same round."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def input_pipeline(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import input_pipeline

    return input_pipeline


def test_gains_are_paired_by_round(input_pipeline: ModuleType) -> None:
    key = "first_images_per_s"
    speeds = {"edgecnn": (10, 40, 60), "keras": (10, 10, 20), "keras_shuffled": (20, 20, 20)}
    taken = {peer: [{key: speed} for speed in measured] for peer, measured in speeds.items()}
    figures = input_pipeline.summary(taken)
    assert figures["edgecnn"] == {key: 40}
    assert figures["edgecnn_over_keras"] == {key: 3}
    assert input_pipeline.gain("later_cpu_us", {"later_cpu_us": 2}, {"later_cpu_us": 3}) == 1.5


def test_the_table_has_a_row_for_each_epoch_of_each_kind(input_pipeline: ModuleType) -> None:
    keys = ("first_images_per_s", "first_cpu_us", "later_images_per_s", "later_cpu_us")
    taken = {peer: [dict.fromkeys(keys, 1000.0 + place)] for place, peer in enumerate(input_pipeline.PEERS)}
    figures = dict.fromkeys(input_pipeline.KINDS, input_pipeline.summary(taken))
    data = {"phantoms": {"synthetic": True, "shape": [64, 64, 1], **figures}}
    lines = input_pipeline.table({"command": "c", "commit": "0" * 40, "cores": 2, "data": data}).splitlines()
    rows = [line for line in lines if line.startswith("| phantoms, 64x64x1, synthetic |")]
    assert len(rows) == 4
    assert rows[0].endswith("| plain | first | 1,000/s (1,000) | 1,001/s (1,001) | 1,002/s (1,002) "
                            "| 1.00 (1.00) | 1.00 (1.00) |")  # fmt: skip


@pytest.mark.study
def test_it_measures_synthetic_images(tmp_path: Path) -> None:
    command = [sys.executable, BENCHMARKS / "input_pipeline.py", "--rounds", "1", "--images", "12"]
    environment = {name: value for name, value in os.environ.items() if name != "EDGECNN_DATA"}
    subprocess.run(
        [*command, "--out", tmp_path / "figures"], check=True, capture_output=True, env=environment
    )
    found = json.loads((tmp_path / "figures.json").read_text())["data"]["phantoms"]
    assert found["synthetic"]
    assert found["images"] == {"train": 12, "validation": 6, "test": 6}
    for kind in ("plain", "augmented"):
        for peer in ("edgecnn", "keras", "keras_shuffled"):
            assert all(value > 0 for value in found[kind][peer].values())
