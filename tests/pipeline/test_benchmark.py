# SPDX-License-Identifier: Apache-2.0
"""Which images models are measured on, and which output stands for which class."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgecnn.converters.tflite_metadata import add_metadata
from edgecnn.errors import ModelError, RunError
from edgecnn.pipeline import evaluate
from edgecnn.pipeline.benchmark import benchmark, gather
from edgecnn.pipeline.evaluate import Timing
from edgecnn.progress import silent
from edgecnn.runtime.tflite import TfliteModel

TINY = Path(__file__).parent.parent / "assets" / "tiny_int8.tflite"
TIMING = Timing(warmup=0, runs=1)


def _write_run(run: Path, seed: int = 1) -> Path:
    run.mkdir(parents=True)
    shutil.copyfile(TINY, run / "model_float32.tflite")
    record = {"model": "tiny", "input_shape": [16, 16, 1], "train": {"seed": seed}, "data": {}}
    (run / "run.json").write_text(json.dumps(record))
    return run


def test_outputs_go_to_classes_by_name(images: Path, tmp_path: Path) -> None:
    shutil.copyfile(TINY, tmp_path / "plain.tflite")
    named = tmp_path / "named.tflite"
    named.write_bytes(add_metadata(TINY.read_bytes(), "named", "", ["plain", "bars", "dots"]))
    answers = benchmark([tmp_path / "plain.tflite", named], images, TIMING, silent).probabilities
    np.testing.assert_array_equal(answers["named"], answers["plain"][:, [1, 2, 0]])


@pytest.mark.needs_tool("gcc", package="gcc")
def test_an_int8_model_is_measured_as_c_too(images: Path, tmp_path: Path) -> None:
    models = []
    for number in ("float32", "int8"):
        models.append(tmp_path / f"{number}.tflite")
        shutil.copyfile(TINY.with_name(f"tiny_{number}.tflite"), models[-1])
    evaluation = benchmark(models, images, TIMING, silent)
    metrics = evaluation.metrics
    assert [variant.name for variant in metrics.variants] == ["float32", "int8", "int8, C"]
    assert metrics.reference == "float32"
    assert "C for " in metrics["int8, C"].costs.runtime
    np.testing.assert_allclose(
        evaluation.probabilities["int8, C"], evaluation.probabilities["int8"], atol=0.02
    )


def test_other_classes_than_the_data_have_are_refused(images: Path, tmp_path: Path) -> None:
    shutil.copyfile(TINY, tmp_path / "model.tflite")
    for labels, message in (("bars\ndots\n", "has 2 labels"), ("bars\ndots\nstars\n", "knows the classes")):
        (tmp_path / "labels.txt").write_text(labels)
        with pytest.raises(ModelError, match=message):
            benchmark([tmp_path / "model.tflite"], images, TIMING, silent)


def test_a_run_is_measured_on_the_split_that_it_was_trained_with(images: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        run = _write_run(tmp_path / f"run{seed}", seed)
        (run / "metrics.json").write_text("{}")

    def measured(*runs: str, seed: int | None = None) -> str:
        evaluation = benchmark([tmp_path / run for run in runs], images, TIMING, silent, seed=seed)
        return evaluation.metrics.data["fingerprint"]

    assert measured("run1") == measured("run1", seed=1) != measured("run2")
    with pytest.raises(RunError, match=r"different seeds \(.*run1 1, .*run2 2\)"):
        measured("run1", "run2")


def test_an_unfinished_run_is_refused(images: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"the training in .*run is not finished; go on with it by"):
        benchmark([_write_run(tmp_path / "run")], images, TIMING, silent)


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    runs = [_write_run(tmp_path / folder / "first") for folder in "ab"]
    for run in runs:
        (run / "metrics.json").write_text("{}")
    assert gather([runs[0]]) == {"float32": runs[0] / "model_float32.tflite"}
    assert gather(runs) == {f"{run}/float32": run / "model_float32.tflite" for run in runs}


def test_files_that_cannot_be_decoded_are_named(images: Path, tmp_path: Path) -> None:
    shutil.copyfile(TINY, tmp_path / "model.tflite")
    shutil.copytree(images, tmp_path / "images")
    (tmp_path / "images" / "bars" / "torn.png").write_bytes(b"torn")
    (tmp_path / "images" / "bars" / os.fsdecode(b"torn\xff.png")).write_bytes(b"torn")
    metrics = benchmark([tmp_path / "model.tflite"], tmp_path / "images", TIMING, silent).metrics
    assert metrics.data["skipped"] == ["bars/torn.png", r"bars/torn\udcff.png"]


class Elsewhere:
    """A model in a runtime that takes as long as it says."""

    delegate = "XNNPACK"

    def __init__(self, runtime: str, microseconds: float) -> None:
        self.runtime, self._microseconds = runtime, microseconds

    def values(self, images: np.ndarray) -> np.ndarray:
        return images

    def time(self, _: np.ndarray, count: int) -> list[float]:
        return [self._microseconds] * count


def test_latency_is_that_of_the_fastest_runtime_and_answers_those_of_the_first(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(TINY, tmp_path / "model.tflite")
    first = TfliteModel(TINY).runtime
    for times, runtime, median in (((1e12, 0.0), "b 2, delegate XNNPACK", 0.0), ((1e12, 1e12), first, None)):
        others = [Elsewhere("a 1", times[0]), Elsewhere("b 2", times[1])]
        monkeypatch.setattr(evaluate, "in_other_runtimes", lambda *_, others=others: others)
        evaluation = benchmark([tmp_path / "model.tflite"], images, TIMING, silent)
        costs = evaluation.metrics["model"].costs
        assert costs.runtime.startswith(runtime)
        assert median is None or costs.latency_us.median == median
    answers = evaluation.probabilities["model"]
    assert answers.shape == (evaluation.metrics.test_images, 3)
