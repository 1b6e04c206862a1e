# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the C array runs, and its stored figures are of the size and shape that it writes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.needs_tool("gcc", package="gcc")
@pytest.mark.needs_tool("xxd", package="xxd")
def test_it_measures_a_small_model(tmp_path):
    file = tmp_path / "figures.json"
    command = [
        sys.executable,
        ROOT / "benchmarks" / "c_array.py",
        "--megabytes",
        "0.1",
        "--rounds",
        "1",
        "--out",
        file,
    ]
    subprocess.run(command, check=True, capture_output=True)
    found = json.loads(file.read_text())
    stored = json.loads((ROOT / "benchmarks" / "results" / "c_array.json").read_text())
    assert found["model_bytes"] > 100_000
    assert found.keys() == stored.keys()
    assert {form: figures.keys() for form, figures in found["forms"].items()} == {
        form: figures.keys() for form, figures in stored["forms"].items()
    }
    assert found["forms"]["words"]["text_bytes_per_byte"] < 3


def test_the_stored_figures_are_of_a_15_mb_model_and_reach_the_goals():
    stored = json.loads((ROOT / "benchmarks" / "results" / "c_array.json").read_text())
    assert stored["model_bytes"] >= 15_000_000
    assert stored["xxd_over_words"]["emit_s"] >= 1.5
    assert stored["xxd_over_words"]["gcc_s"] >= 3
    assert stored["forms"]["words"]["text_bytes_per_byte"] <= 3
