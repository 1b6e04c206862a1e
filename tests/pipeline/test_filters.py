# SPDX-License-Identifier: Apache-2.0
"""`compress` removes filters of a run's network, goes on after a kill, and says what it reached."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from narrow import widened

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.inspect import inspect
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.converters.int4_weights import OPS
from edgecnn.errors import EdgecnnError
from edgecnn.evaluation.summary import device_rows, headline
from edgecnn.models import load_model
from edgecnn.pipeline.compress import compress
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.history import read_history
from edgecnn.pipeline.run.options import FilterOptions, check_compress
from edgecnn.pipeline.verify import verify
from edgecnn.progress import silent

OPTIONS = FilterOptions(filters=0.6, prune_epochs=1, qat_epochs=1)


def _copy(trained: Run, folder: Path, images: Path) -> Run:
    shutil.copytree(trained.path, folder)
    run = Run(folder)
    run.update_record(data={**run.record()["data"], "source": run.relative(images)})
    return run


def test_filters_go_and_an_interrupted_compress_ends_the_same(
    trained: Run, images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class KilledError(Exception):
        pass

    def kill(step: str, done: int, total: int, note: str = "") -> None:
        if step.startswith("settle"):
            raise KilledError

    with caplog.at_level(logging.WARNING):
        whole = compress(_copy(trained, tmp_path / "whole", images).path, OPTIONS, silent)
    before, after = (inspect(whole.variant(name))["macs"] for name in ("int8_ptq", "int8_qat"))
    assert after <= 0.4 * before
    assert load_model(whole.pruned_keras_model).count_params() < load_model(whole.keras_model).count_params()
    assert whole.record()["compress"]["filters"] == 0.6
    epochs = [row["epoch"] for row in read_history(whole)["prune"]]
    assert epochs == list(range(1, len(epochs) + 1))
    metrics = whole.metrics()
    figures = {name: metrics[name].costs for name in ("int8_ptq", "int8_qat")}
    dense, small = (figures[name].instructions for name in figures)
    assert dense is not None
    assert small is not None
    assert small.target == "cortex-m4"
    assert small.count < 0.5 * dense.count
    times = f"{dense.count / small.count:.1f} times fewer instructions"
    assert headline(metrics).startswith(f"int8_qat against int8_ptq on cortex-m4: {times}, ")
    _, rows = device_rows(metrics) or ((), [])
    assert [row[0] for row in rows] == ["int8, post-training", "int8, pruned + QAT"]
    assert figures["int8_qat"].macs == after
    told = caplog.text
    assert "within all limits; what binds:" in told
    assert 'layers that keep all of their channels: "probabilities" (it makes the answers)' in told

    killed = _copy(trained, tmp_path / "killed", images)
    with pytest.raises(KilledError):
        compress(killed.path, OPTIONS, kill)
    resumed = compress(killed.path, OPTIONS, silent, resume=True)
    for name in ("float32_pruned", "int8_qat"):
        assert resumed.variant(name).read_bytes() == whole.variant(name).read_bytes()


def test_a_target_of_which_no_instructions_are_known_is_refused_at_once(trained: Run) -> None:
    with pytest.raises(
        EdgecnnError, match="instructions on c99 can't be estimated; choose one of cortex-m0plus"
    ):
        check_compress(trained.path, replace(OPTIONS, target="c99"))


def test_weights_of_four_bits_are_half_as_large_and_go_into_c(
    trained: Run, images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = _copy(trained, tmp_path / "narrow", images)
    with caplog.at_level(logging.WARNING):
        compress(run.path, replace(OPTIONS, filters=0.3, weight_bits=4), silent)
    graph = read_model(run.int8_model)
    weights = [graph.input(operator, 1).dtype for operator in graph.operators if operator.op in OPS]
    assert set(weights) == {"int4"}
    assert "weights of 8 bits" not in caplog.text  # whatever is lost, as --filters has it
    costs = run.metrics()["int8_qat"].costs
    eight = widened(run.int8_model.read_bytes())
    eight_bytes = compile_tflite(eight, name="net", target="cortex-m4").plan["weight_bytes"]
    assert costs.const_bytes is not None
    assert costs.const_bytes < 0.75 * eight_bytes  # biases and scales stay as they are
    found = verify(run.int8_model, "c99", 2)
    assert found.equal
    assert run.record()["compress"]["weight_bits"] == 4
