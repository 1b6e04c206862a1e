# SPDX-License-Identifier: Apache-2.0
"""One process at a time works on a run, and an old run says what to do with it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from edgecnn.errors import DataError, RunError
from edgecnn.models import architecture
from edgecnn.pipeline.compress import compress
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.options import (
    CompressOptions,
    FilterOptions,
    TrainOptions,
    asked_of,
    chosen_options,
    refuse_other_options,
    refuse_unlike,
    resumed_compression,
    resumed_training,
)
from edgecnn.pipeline.run.record import Compress, Train
from edgecnn.pipeline.train import train
from edgecnn.progress import silent

HOLDS = """
import sys, time
from pathlib import Path
from edgecnn.pipeline.run.record import Compress, Train
from edgecnn.pipeline.run import Run
with Run(Path(sys.argv[1])).locked():
    print("locked", flush=True)
    time.sleep(600)
"""
RECORD = {"model": "cainvas", "input_shape": [64, 64, 1], "train": {"seed": 0}, "data": {"source": "x"}}


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.update_record(**RECORD)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, run.path], stdout=subprocess.PIPE, text=True
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "locked\n"
            with pytest.raises(RunError, match=r"another edgecnn is at work in .*run; wait for its end"):
                compress(run.path, CompressOptions(), silent)
            with pytest.raises(RunError, match=r"another edgecnn is at work in .*run; wait for its end"):
                train(run.path, TrainOptions(tmp_path, "cainvas"), silent, resume=True)
        finally:
            holder.send_signal(signal.SIGKILL)
    with run.locked():
        pass
    assert [path.name for path in run.path.iterdir()] == ["run.json"]


def test_a_run_of_which_nothing_came_leaves_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    with run.locked(), pytest.raises(RunError), run.locked():
        pass
    assert not run.path.exists()


def test_a_file_is_no_place_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with (
        pytest.raises(RunError, match=r"run folder .*run: it is a file; choose another"),
        Run(tmp_path / "run").locked(),
    ):
        pass


def test_a_run_of_an_older_version_is_refused_in_one_line(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.update_record(**RECORD)
    run.metrics_file.write_text(json.dumps({}))
    with pytest.raises(
        RunError, match=r"run\.json lacks train\.threads, .*data\.fingerprint, .*: another version"
    ):
        compress(run.path, CompressOptions(), silent)
    with pytest.raises(RunError, match="was started by an older edgecnn, which had no option sampling"):
        refuse_other_options(run, "train", {"seed": 0, "sampling": "all"})


def test_an_option_that_is_newer_than_the_run_was_its_default(tmp_path: Path) -> None:
    run, options = Run(tmp_path / "run"), TrainOptions(tmp_path / "gone", "cainvas")
    found = architecture("cainvas")
    asked = asdict(options) | {"data": "../gone", "input_size": [64, 64], "channels": 1}
    chosen = {name: getattr(found, name) if value is None else value for name, value in asked.items()}
    began = {name: value for name, value in chosen.items() if name not in {"strategy", "width"}}
    run.update_record(**RECORD | {"train": began})
    with pytest.raises(DataError, match=r"there is no .*gone"):  # past the options
        train(run.path, options, silent, resume=True)
    with pytest.raises(RunError, match=r"was started with width 1\.0, not 0\.5; resume with the same"):
        train(run.path, replace(options, width=0.5), silent, resume=True)
    run.update_record(train={name: value for name, value in began.items() if name != "sampling"})
    with pytest.raises(RunError, match="older edgecnn, which had no option sampling; start over"):
        train(run.path, options, silent, resume=True)


def test_a_resumed_step_has_the_options_it_began_with_and_those_given(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    began = TrainOptions(tmp_path / "x", "unet", (96, 64), 1, 0.5, "none", epochs=3, augment="flip", seed=7)
    run.update_record(
        **RECORD
        | {
            "model": "unet",
            "train": {name: value for name, value in asdict(began).items() if value is not None}
            | {"data": "../x", "input_size": [96, 64]},
            "data": {"source": "../x"},
        }
    )
    assert resumed_training(run.path, {}) == began
    assert resumed_training(run.path, {"epochs": 4}).epochs == 4
    with pytest.raises(RunError, match="no interrupted 'compress' to resume"):
        resumed_compression(run.path, {})
    work = run.compressing()
    work.update_record(**RECORD, compress={"sparsity": 0.7, "prune_epochs": 2, "qat_epochs": 3})
    assert resumed_compression(run.path, {}) == CompressOptions(0.7, 2, 3)
    assert resumed_compression(run.path, {"qat_epochs": 4}) == CompressOptions(0.7, 2, 4)
    assert resumed_compression(run.path, {"ptq": True}) is None
    work.update_record(compress={"ptq": True})
    assert resumed_compression(run.path, {}) is None
    assert resumed_compression(run.path, {"sparsity": 0.6}) == CompressOptions(sparsity=0.6)
    began_filters = FilterOptions("cortex-m55", flash=16384, max_loss=2.0)
    work.update_record(compress=asdict(began_filters))
    assert resumed_compression(run.path, {}) == began_filters
    assert resumed_compression(run.path, {"qat_epochs": 9}) == replace(began_filters, qat_epochs=9)
    with pytest.raises(RunError, match=r"was started to remove filters .*, not to make weights zero"):
        refuse_unlike(run, asked_of(CompressOptions()))
    shutil.rmtree(work.path)
    run.update_record(compress={"ptq": True})
    with pytest.raises(RunError, match=r"'compress' in .*run is finished"):
        resumed_compression(run.path, {})


def test_every_option_has_a_type_that_is_checked_when_it_is_read_back() -> None:
    assert {field.name for field in fields(TrainOptions)} == Train.__annotations__.keys()
    ways = {field.name for way in (CompressOptions, FilterOptions) for field in fields(way)}
    assert ways == Compress.__annotations__.keys() - {"ptq"}


def test_a_path_that_run_json_cannot_hold_is_refused_before_training(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"photos\xff")
    folder.mkdir()
    with pytest.raises(RunError, match=r"--data .* is no text in UTF-8, as run.json needs"):
        chosen_options(
            Run(tmp_path / "run"), architecture("cainvas"), TrainOptions(data=folder, model="cainvas")
        )
