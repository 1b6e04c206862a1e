# SPDX-License-Identifier: Apache-2.0
"""The demo, whole, as a new user runs it: the figures that the project promises of it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import answers, browser
from PIL import Image

from edgecnn.compiler.reading.tflite import read_model
from edgecnn.compiler.targets import TARGETS

pytestmark = [pytest.mark.slow(seconds=300), pytest.mark.study]

# Their fingerprint: the means of 16 blocks, over all test images of a class. A single image that is another
# moves some by more than 0.002; pixels that another processor rounds to the next level do not.
TEST_IMAGES = {
    "benign": [
        *(59.632, 108.877, 108.840, 59.814),
        *(83.249, 109.457, 120.671, 82.245),
        *(84.986, 108.092, 116.801, 84.544),
        *(60.366, 113.637, 113.667, 60.396),
    ],
    "malignant": [
        *(61.327, 110.209, 110.176, 61.396),
        *(90.549, 114.712, 125.323, 93.108),
        *(93.815, 113.187, 122.554, 95.864),
        *(62.015, 115.016, 114.864, 61.945),
    ],
    "normal": [
        *(61.432, 110.328, 110.052, 61.336),
        *(77.138, 107.008, 118.354, 77.522),
        *(79.902, 105.515, 114.181, 79.925),
        *(61.749, 115.146, 114.912, 61.377),
    ],
}


def edgecnn(folder: Path, *arguments: str) -> Any:
    """Run a command of the program in a folder, and return what it prints as JSON."""
    call = [sys.executable, "-c", "from edgecnn.cli import main; main()", *arguments, "--json"]
    return json.loads(subprocess.run(call, cwd=folder, capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the finished run of the demo; what the command printed is in printed.json."""
    folder = tmp_path_factory.mktemp("demo")
    printed = edgecnn(folder, "demo", "--out", "demo")
    (folder / "demo" / "printed.json").write_text(json.dumps(printed))
    return folder / "demo"


def test_the_demo_keeps_its_promises(run: Path) -> None:
    metrics = json.loads((run / "printed.json").read_text())
    assert metrics == json.loads((run / "metrics.json").read_text())
    assert metrics["test_images"] == 4000
    assert sum(metrics["data"]["images"]["validation"].values()) == 3000
    assert metrics["data"]["synthetic"] is True
    variants = metrics["variants"]
    assert 0.88 <= variants["float32"]["accuracy"] <= 0.97
    assert variants["int8_qat"]["accuracy_loss_ci95"][1] <= 1.0
    assert variants["int8_qat"]["accuracy_loss"] <= 0.5
    dense, small = variants["int8_ptq"], variants["int8_qat"]
    assert small["instructions"]["target"] == "cortex-m4"
    assert small["instructions"]["count"] <= 0.07 * dense["instructions"]["count"]
    assert small["const_bytes"] <= 0.1 * dense["const_bytes"]
    assert small["arena_bytes"] <= 1600
    assert small["macs"] < 0.05 * dense["macs"]
    assert small["code_bytes"] < 8192
    assert "synthetic" in (run / "report.html").read_text()
    graph = read_model(run / "model_int8.tflite")
    assert {graph.tensors[index].dtype for index in (*graph.inputs, *graph.outputs)} == {"int8"}


def test_the_test_images_are_those_that_all_figures_are_of(run: Path) -> None:
    assert {name: len(list((run / "phantoms" / "test" / name).iterdir())) for name in TEST_IMAGES} == {
        "benign": 1334,
        "malignant": 1333,
        "normal": 1333,
    }
    for name, means in TEST_IMAGES.items():
        paths = sorted((run / "phantoms" / "test" / name).iterdir())
        blocks = [np.asarray(Image.open(path)).reshape(4, 16, 4, 16).mean((1, 3)) for path in paths]
        np.testing.assert_allclose(np.mean(blocks, 0).ravel(), means, rtol=0, atol=0.002)


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm")
@pytest.mark.parametrize("target", ["c99", *(name for name, target in TARGETS.items() if target.board)])
def test_no_byte_of_its_model_differs_on_any_core(run: Path, target: str) -> None:
    found = edgecnn(run, "verify", "model_int8.tflite", "--target", target)
    assert (found["bytes_compared"], found["bytes_different"]) == (3 * found["inputs"], 0)


@pytest.mark.needs_tool("chromium", package="chromium")
@pytest.mark.needs_tool("chromedriver", package="chromium-driver")
@pytest.mark.needs_tool("wasm-ld", package="lld")
def test_its_page_answers_as_predict_does_without_a_network(run: Path, tmp_path: Path) -> None:
    edgecnn(run.parent, "export", str(run), "--out", str(tmp_path), "--format", "web")
    assert (tmp_path / "index.html").stat().st_size < 200_000
    pictures = [next((run / "phantoms" / "test" / name).iterdir()) for name in ("malignant", "benign")]
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with browser() as page:
        found = answers(page, tmp_path / "index.html", [*pictures, tmp_path / "broken.png"])
        shown = [heading.text for heading in reversed(page.find("h2"))]
        assert page.complaints() == []
    said = edgecnn(run, "predict", str(run), *map(str, pictures))["predictions"]
    assert shown == [one["label"] for one in said]
    # The softmax has scale 1/256 and zero point -128.
    wanted = [np.array(one["probabilities"]) * 256 - 128 for one in said]
    assert found == [*(" ".join(str(int(value)) for value in one) for one in wanted), None]
