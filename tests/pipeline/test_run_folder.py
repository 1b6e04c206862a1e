# SPDX-License-Identifier: Apache-2.0
"""What train and compress leave, what they refuse, and that the same seed gives the same bytes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecnn.compiler.inspect import inspect
from edgecnn.compiler.reading.metadata import read_labels
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.errors import DataError, ModelError, RunError
from edgecnn.evaluation.results import RunMetrics
from edgecnn.pipeline.compress import compress
from edgecnn.pipeline.report import rewrite_report
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.history import read_history
from edgecnn.pipeline.run.options import CompressOptions, TrainOptions, resumed_compression, resumed_training
from edgecnn.pipeline.train import train
from edgecnn.progress import Progress, silent

pytestmark = pytest.mark.slow(seconds=50)
OPTIONS = CompressOptions(sparsity=0.5, prune_epochs=2, qat_epochs=1)


def _options(images: Path) -> TrainOptions:
    return TrainOptions(data=images, model="cainvas", epochs=2, batch_size=8, seed=1)


def names(metrics: RunMetrics) -> list[str]:
    return [variant.name for variant in metrics.variants]


def test_everything_a_run_promises_is_there(compressed: Run) -> None:
    promised = "model.keras model_float32.tflite model_int8.tflite model_int8.h model_int8.c labels.txt"
    for name in [
        *promised.split(),
        "metrics.json",
        "evidence.json",
        "report.html",
        "model_card.md",
        "run.json",
        "history.csv",
    ]:
        assert (compressed.path / name).stat().st_size > 0, name
    assert not (compressed.path / "checkpoints").exists()
    assert not list(compressed.path.glob(".edgecnn-*"))
    assert compressed.labels() == ["bars", "dots", "plain"]
    assert read_labels(compressed.int8_model.read_bytes()) == ("bars", "dots", "plain")


def test_metrics_hold_every_variant_with_every_figure(compressed: Run) -> None:
    metrics = compressed.metrics()
    assert metrics.classes == ("bars", "dots", "plain")
    assert metrics.test_images == sum(metrics.data["images"]["test"].values()) > 0
    assert metrics.data["synthetic"] is False
    assert names(metrics) == ["float32", "float32_pruned", "int8_ptq", "int8_qat"]
    assert (metrics.reference, metrics.chosen) == ("float32", "int8_qat")
    for variant in metrics.variants:
        assert 0 <= variant.scores.quality <= 1
        loss, (low, high) = variant.scores.loss
        assert low <= loss <= high
        assert variant.costs.gzip_bytes < variant.costs.bytes
        assert variant.costs.latency_us.median <= variant.costs.latency_us.p95
        content = json.loads(compressed.metrics_file.read_text())["variants"][variant.name]
        assert set(content["latency_us"]) == {"median", "p95", "runs"}
        assert content["accuracy"] == variant.scores.quality


def test_sparsity_is_in_the_file_and_survives_quantization(compressed: Run) -> None:
    sparsity = {variant.name: variant.costs.sparsity or 0 for variant in compressed.metrics().variants}
    assert sparsity["float32"] < 0.01
    assert 0.49 < sparsity["float32_pruned"] < 0.52
    assert 0.49 < sparsity["int8_qat"] < 0.56
    for operator in inspect(compressed.int8_model)["operators"]:
        if operator["weight_bytes"] > 1000:
            assert operator["sparsity"] > 0.49, operator["name"]


def test_int8_is_integer_throughout_and_takes_a_byte_minus_128(compressed: Run) -> None:
    for variant in ("int8_ptq", "int8_qat"):
        graph = read_model(compressed.variant(variant))
        assert "float32" not in {tensor.dtype for tensor in graph.tensors}
        [image], [answer] = (map(graph.tensors.__getitem__, edge) for edge in (graph.inputs, graph.outputs))
        assert image.quantization
        assert answer.quantization
        assert (image.quantization.scale, image.quantization.zero_point) == (np.float32(1 / 255), -128)
        assert (answer.quantization.scale, answer.quantization.zero_point) == (1 / 256, -128)
        ops = [operator.op for operator in graph.operators]
        assert ops == ["CONV_2D", "MAX_POOL_2D"] * 3 + ["RESHAPE"] + ["FULLY_CONNECTED"] * 4 + ["SOFTMAX"]


def test_activation_ranges_are_calibrated(compressed: Run) -> None:
    """Without calibration the toolkit leaves the zero point of a ReLU at -1, which wastes half of int8."""
    graph = read_model(compressed.int8_model)
    for operator in graph.operators[:10]:
        quantization = graph.tensors[operator.outputs[0]].quantization
        assert (quantization and quantization.zero_point == -128) or operator.op == "FULLY_CONNECTED"


def test_the_report_is_made_of_the_run_folder_alone(compressed: Run, tmp_path: Path) -> None:
    """The page of what `compress` measured, and that of what is read back, are the same."""
    shutil.copytree(compressed.path, tmp_path / "run")
    run = Run(tmp_path / "run")
    run.report_file.unlink()
    rewrite_report(run)
    assert run.report_file.read_bytes() == compressed.report_file.read_bytes()


def test_same_seed_same_bytes(trained: Run, compressed: Run) -> None:
    assert trained.variant("float32").read_bytes() == compressed.variant("float32").read_bytes()
    assert trained.history_file.read_text() in compressed.history_file.read_text()


def _contents(run: Path) -> dict[str, bytes]:
    """Return what a run shows: all files but those that an unfinished step works on."""
    return {file.name: file.read_bytes() for file in run.iterdir() if file.is_file()}


def _killed_in(killed: str) -> Progress:
    """Return a Progress that ends the program when half of a step is done."""

    def progress(step: str, done: int, total: int, note: str = "") -> None:
        if step == killed and done >= total / 2:
            raise KeyboardInterrupt

    return progress


def test_interrupted_compress_goes_on_to_the_same_bytes(
    images: Path, trained: Run, compressed: Run, tmp_path: Path
) -> None:
    shutil.copytree(trained.path, tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        compress(tmp_path / "run", OPTIONS, _killed_in("prune"), data=images)
    assert _contents(tmp_path / "run") == _contents(trained.path)
    with pytest.raises(RunError, match=r"was started with sparsity 0.5, not 0.6"):
        compress(tmp_path / "run", replace(OPTIONS, sparsity=0.6), silent, data=images, resume=True)
    with pytest.raises(
        RunError,
        match=r"was started to make weights zero \(--sparsity\), not to quantize only \(--ptq\); resume",
    ):
        compress(tmp_path / "run", None, silent, data=images, resume=True)
    with pytest.raises(KeyboardInterrupt):
        compress(tmp_path / "run", OPTIONS, _killed_in("measuring"), data=images, resume=True)
    assert _contents(tmp_path / "run") == _contents(trained.path)
    begun = resumed_compression(tmp_path / "run", {})
    run = compress(tmp_path / "run", begun, silent, data=images, resume=True)
    assert run.int8_model.read_bytes() == compressed.int8_model.read_bytes()
    with pytest.raises(RunError, match="is finished"):
        compress(tmp_path / "run", OPTIONS, silent, resume=True)


def test_interrupted_train_goes_on_to_the_same_bytes(images: Path, trained: Run, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", _options(images), _killed_in("train"))
    with pytest.raises(RunError, match="holds a run already"):
        train(tmp_path / "run", _options(images), silent)
    with pytest.raises(RunError, match="is not finished"):
        compress(tmp_path / "run", OPTIONS, silent)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", _options(images), _killed_in("measuring"), resume=True)
    run = train(tmp_path / "run", resumed_training(tmp_path / "run", {}), silent, resume=True)
    assert run.variant("float32").read_bytes() == trained.variant("float32").read_bytes()
    with pytest.raises(RunError, match="is finished"):
        train(tmp_path / "run", _options(images), silent, resume=True)


def test_other_images_than_trained_on_are_refused(images: Path, trained: Run, tmp_path: Path) -> None:
    shutil.copytree(images, tmp_path / "data")
    (tmp_path / "data" / "bars" / "0.png").unlink()
    before = sorted(path.name for path in trained.path.iterdir())
    with pytest.raises(RunError, match=r"is not what .* was trained on"):
        compress(trained.path, OPTIONS, silent, data=tmp_path / "data")
    assert sorted(path.name for path in trained.path.iterdir()) == before


def test_a_run_finds_its_images_from_anywhere_and_says_where_they_were(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(images, tmp_path / "here" / "images")
    monkeypatch.chdir(tmp_path / "here")
    run = Run(Path("run"))
    source = {"source": run.relative(Path("images"))}
    run.update_record(model="cainvas", input_shape=[64, 64, 1], train={}, data=source)
    (tmp_path / "here").rename(tmp_path / "there")
    monkeypatch.chdir(tmp_path)
    assert Run(Path("there/run")).data().samefile("there/images")
    (tmp_path / "there" / "images").rename(tmp_path / "images")
    with pytest.raises(RunError, match=r"are not at .*there/images any more; give them by --data"):
        Run(Path("there/run")).data()


def test_ptq_alone_replaces_what_was_there(compressed: Run, images: Path, tmp_path: Path) -> None:
    shutil.copytree(compressed.path, tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        compress(tmp_path / "run", None, _killed_in("planning memory"), data=images)
    assert _contents(tmp_path / "run") == _contents(compressed.path)
    run = compress(tmp_path / "run", None, silent, data=images)
    assert names(run.metrics()) == ["float32", "int8_ptq"]
    assert run.metrics().chosen == "int8_ptq"
    assert run.int8_model.read_bytes() == compressed.variant("int8_ptq").read_bytes()
    assert not run.variant("float32_pruned").exists()
    assert list(read_history(run)) == ["train"]
    assert not list(run.path.glob(".*"))


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"is not a run: it has no run\.json"):
        compress(tmp_path, OPTIONS, silent)
    for text in ("{", "{}", "[]", "7"):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(RunError, match="is damaged: it does not hold a run"):
            compress(tmp_path, OPTIONS, silent)


def test_bad_data_leave_no_run_behind(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        train(tmp_path / "run", _options(tmp_path / "absent"), silent)
    assert not (tmp_path / "run").exists()


def test_a_loss_for_masks_leaves_no_run_behind(images: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can't be trained with loss dice; use crossentropy, focal"):
        train(tmp_path / "run", replace(_options(images), loss="dice"), silent)
    assert not (tmp_path / "run").exists()


def test_run_json_says_what_was_asked_for_and_with_what(compressed: Run) -> None:
    record = json.loads(compressed.record_file.read_text())
    assert record["train"]["epochs"] == 2
    assert record["train"]["learning_rate"] == 1e-3
    assert record["compress"] == {"sparsity": 0.5, "prune_epochs": 2, "qat_epochs": 1}
    assert record["versions"]["tensorflow"] == "2.21.0"
    assert len(record["data"]["fingerprint"]) == 64
