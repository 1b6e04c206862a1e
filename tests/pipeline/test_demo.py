# SPDX-License-Identifier: Apache-2.0
"""The demo, whole, as a new user runs it: the figures that the project promises of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgecnn.compiler.flatbuffer import read_model

pytestmark = pytest.mark.slow


def test_the_demo_keeps_its_promises(tmp_path: Path) -> None:
    call = [sys.executable, "-c", "from edgecnn.cli import main; main()", "demo", "--out", "demo", "--json"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=True)
    run = tmp_path / "demo"
    metrics = json.loads(done.stdout)
    assert metrics == json.loads((run / "metrics.json").read_text())
    assert metrics["test_images"] >= 3000
    assert metrics["data"]["synthetic"] is True
    variants = metrics["variants"]
    assert 0.88 <= variants["float32"]["accuracy"] <= 0.97
    assert variants["int8_qat"]["accuracy_loss_ci95"][1] <= 1.0
    assert 0.495 <= variants["int8_qat"]["sparsity"] <= 0.51
    assert variants["int8_qat"]["gzip_bytes"] < 0.8 * variants["int8_ptq"]["gzip_bytes"]
    assert "synthetic" in (run / "report.html").read_text()
    graph = read_model(run / "model_int8.tflite")
    assert {graph.tensors[index].dtype for index in (*graph.inputs, *graph.outputs)} == {"int8"}
