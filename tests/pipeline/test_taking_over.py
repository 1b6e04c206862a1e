# SPDX-License-Identifier: Apache-2.0
"""A run shows the results of one `compress` or of the other, whenever a process is killed."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from edgecnn.errors import RunError
from edgecnn.pipeline import demo
from edgecnn.pipeline.run import Run
from edgecnn.progress import Progress, silent

RECORD = {"model": "cainvas", "input_shape": [64, 64, 1], "train": {}, "data": {"source": "x"}}
OLD = {
    "labels.txt": "a\nb\n",
    "model_float32.tflite": "float32",
    "metrics.json": "old figures",
    "report.html": "old page",
    "model_int8.tflite": "old int8",
    "model_int8_qat.tflite": "old QAT",
    "model_float32_pruned.keras": "old pruned",
    "device_pi.json": "old device",
}
NEW = {
    "labels.txt": "a\nb\n",
    "model_float32.tflite": "float32",
    "metrics.json": "new figures",
    "report.html": "new page",
    "model_int8.tflite": "new int8",
    "model_int8_ptq.tflite": "new int8",
}


class _Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, and nothing is cleaned up on its way in the code under test."""


def _make(folder: Path) -> tuple[Run, Run]:
    run = Run(folder)
    run.update_record(**RECORD, compress={"sparsity": 0.5})
    for name, text in OLD.items():
        (folder / name).write_text(text)
    work = run.begin_compressing()
    for name in ("metrics.json", "report.html", "model_int8.tflite", "model_int8_ptq.tflite"):
        (work.path / name).write_text(NEW[name])
    work.update_record(compress={"ptq": True})
    return run, work


def _shown(run: Run) -> dict[str, str]:
    return {
        file.name: file.read_text()
        for file in run.path.iterdir()
        if file.is_file() and file.name != "run.json"
    }


def test_until_it_is_whole_nothing_changes(tmp_path: Path) -> None:
    run, work = _make(tmp_path / "run")
    assert _shown(run) == OLD
    assert run.record()["compress"] == {"sparsity": 0.5}
    assert run.begun("compress") == {"ptq": True}
    assert {"labels.txt", "model_float32.tflite"} <= set(_shown(work))


@pytest.mark.parametrize("function", ["replace", "unlink"])
@pytest.mark.parametrize("survived", range(9))
def test_a_kill_at_any_moment_leaves_one_or_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, survived: int
) -> None:
    """The process is killed at the call number `survived` of what moves, or removes, a file."""
    run, work = _make(tmp_path / "run")
    left, real = survived, getattr(os, function)

    def killing(*arguments: Any, **further: Any) -> None:
        nonlocal left
        if left == 0:
            raise _Killed
        left -= 1
        real(*arguments, **further)

    with monkeypatch.context() as patched:
        patched.setattr(os, function, killing)
        with suppress(_Killed):
            run.take_over(work)
    again = Run(tmp_path / "run")
    begun = again.begun("compress")
    if (survived, function) == (0, "replace"):
        assert begun == {"ptq": True}  # still to be resumed
        assert _shown(again) == OLD
    else:
        assert again.record()["compress"] == {"ptq": True}
        assert _shown(again) == NEW
        assert begun is None
        assert [path.name for path in again.path.iterdir() if path.is_dir()] == []


def test_the_lock_clears_away_what_a_killed_process_was_writing(tmp_path: Path) -> None:
    run, _ = _make(tmp_path / "run")
    (tmp_path / "run" / ".edgecnn-x1").mkdir()
    (tmp_path / "run" / ".edgecnn-x1" / "report.html").write_text("half")
    with run.locked():
        assert not (tmp_path / "run" / ".edgecnn-x1").exists()
    assert _shown(run) == OLD


def test_a_demo_that_is_killed_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(path: Path, progress: Progress) -> None:
        (path / "phantoms").mkdir(parents=True)
        (path / "metrics.json").write_text("new")
        Run(path).update_record(**RECORD | {"data": {"source": "phantoms"}})
        progress("drawing", 1, 1)

    def kill(*_: Any) -> None:
        raise _Killed

    monkeypatch.setattr(demo, "_make", make)
    for path in (tmp_path / "first", tmp_path / "first"):
        assert demo.demo(path, silent).metrics_file.read_text() == "new"
    (tmp_path / "first" / "metrics.json").write_text("old")
    for path in (tmp_path / "first", tmp_path / "second"):
        with pytest.raises(_Killed):
            demo.demo(path, kill)
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
    assert (tmp_path / "first" / "metrics.json").read_text() == "old"


def test_a_demo_replaces_demos_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "work" / "phantoms").mkdir(parents=True)  # by `edgecnn data phantoms`, beside other things
    _make(tmp_path / "run")
    (tmp_path / "run" / "phantoms").mkdir()
    for name in ("file", "work", "run"):
        with pytest.raises(RunError, match="holds something that is not a demo"):
            demo.demo(tmp_path / name, silent)
    assert (tmp_path / "work" / "phantoms").is_dir()


@pytest.mark.parametrize("folder", [".compressed", ".compressing", "checkpoints"])
def test_a_link_in_a_strangers_run_moves_and_overwrites_nothing(tmp_path: Path, folder: str) -> None:
    """Run folders that come as an archive or from git may hold links to a person's own folders."""
    run = Run(tmp_path / "run")
    run.update_record(**RECORD)
    for file in (run.labels_file, run.variant("float32")):
        file.write_text("stranger's")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "labels.txt").write_text("mine")
    (run.path / folder).symlink_to(tmp_path / "own")
    reads: dict[str, Callable[[], object]] = {
        ".compressed": run.record,
        ".compressing": run.begin_compressing,
        "checkpoints": lambda: run.checkpoint("train"),
    }
    with pytest.raises(RunError, match=rf"{re.escape(folder)} is a link; a run has its files in its own"):
        reads[folder]()
    assert (tmp_path / "own" / "labels.txt").read_text() == "mine"
