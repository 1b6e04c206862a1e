# SPDX-License-Identifier: Apache-2.0
"""A run folder that is damaged, or a stranger's: every command that reads it works, or refuses in one line.

Each value of a finished run's files is replaced by others: of the wrong type, without bounds, or gone. What
is slow, training and measuring, is replaced by what it gave for the run as it was.
"""

import io
import json
import random
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged_json import DEEP, GONE, changed, damages

from edgecnn import cli
from edgecnn.data.phantoms import write_phantoms
from edgecnn.evaluation import report as page
from edgecnn.evaluation.results import Metrics, read_metrics
from edgecnn.pipeline import compress as compress_module
from edgecnn.pipeline import report as report_module
from edgecnn.pipeline import train as train_module
from edgecnn.pipeline import variant_file
from edgecnn.pipeline.compress import compress
from edgecnn.pipeline.evaluate import Evaluation
from edgecnn.pipeline.run.options import TrainOptions
from edgecnn.pipeline.train import train
from edgecnn.progress import silent

pytestmark = pytest.mark.slow(seconds=40)
NETWORK = """
from edgecnn.tf import keras

def net(shape, classes):
    return keras.Sequential([
        keras.Input(shape), keras.layers.Conv2D(2, 3, activation="relu"), keras.layers.Flatten(),
        keras.layers.Dense(classes, activation="softmax"),
    ])
"""


class _Reached(BaseException):
    """The command came to the part that is left out here."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run, beside its images, trained and quantized."""
    folder = tmp_path_factory.mktemp("damaged")
    write_phantoms(folder / "images", {"train": 15, "validation": 6, "test": 12}, 0)
    (folder / "own.py").write_text(NETWORK)
    options = TrainOptions(folder / "images", f"{folder / 'own.py'}:net", (8, 8), 1, epochs=1, batch_size=8)
    train(folder / "run", options, silent)
    compress(folder / "run", None, silent)
    return folder / "run"


@pytest.fixture
def fast(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what is slow."""
    int8 = (finished / "model_int8.tflite").read_bytes()
    metrics = read_metrics(finished / "metrics.json")

    def measured(models: dict[str, Path], _: str, test: Any, *__: Any) -> Evaluation:
        answers = {name: np.full((len(test.labels), 3), 1 / 3, np.float32) for name in models}
        predictions = {name: np.zeros(len(test.labels), np.int64) for name in models}
        common = {field.name: getattr(metrics, field.name) for field in fields(Metrics)}
        return Evaluation(Metrics(**common), answers, predictions)

    def fitted(*_: Any, **__: Any) -> None:
        raise _Reached

    monkeypatch.setattr(compress_module, "keras_to_int8", lambda *_: int8)
    monkeypatch.setattr(variant_file, "add_metadata", lambda tflite, *_, **__: tflite)
    monkeypatch.setattr(variant_file, "threshold", lambda *_: None)
    monkeypatch.setattr(train_module, "fit", fitted)
    monkeypatch.setattr(report_module, "evaluate_models", measured)
    for drawing in ("curves", "memory", "parting", "reliability", "spread"):
        monkeypatch.setattr(page, drawing, lambda *_: "")


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run(*arguments: str) -> str:
    """Run a command in this process; return what it says is wrong, or nothing."""
    error = io.StringIO()
    sys.argv = ["edgecnn", *arguments]
    with redirect_stderr(error), redirect_stdout(io.StringIO()):
        code = _exit_code()
    if code == 0:
        return ""
    told = error.getvalue().splitlines()[-1]  # behind lines of progress
    assert code == 1
    assert told.startswith("Error: ")
    assert len(told) < 600
    return told


def _exit_code() -> Any:
    try:
        cli.main()
    except _Reached:
        return 0
    except SystemExit as end:
        return end.code
    return 0


def compress_again(run: Path) -> tuple[str, ...]:
    return "compress", str(run), "--ptq"


def resume(run: Path) -> tuple[str, ...]:
    if (run / "metrics.json").is_file():
        (run / "metrics.json").unlink()  # so that the training is not finished
    return "train", "--resume", "--out", str(run), "--model", (run.parent / "network").read_text()


def report(run: Path) -> tuple[str, ...]:
    return "report", str(run), "--out", str(run.parent / "page.html")


def export(run: Path) -> tuple[str, ...]:
    return "export", str(run), "--out", str(run.parent / "out"), "--format", "tflite"


def predict(run: Path) -> tuple[str, ...]:
    return "predict", str(run), str(run.parent / "images" / "test" / "normal" / "normal-00000.png")


def benchmark(run: Path) -> tuple[str, ...]:
    return "benchmark", str(run), "--data", str(run.parent / "nothing")


COMMANDS = (compress_again, resume, report, export, predict, benchmark)


def copied(finished: Path, folder: Path) -> Path:
    """Return a copy of the run; its images are beside it."""
    shutil.copytree(finished, folder / "run")
    shutil.copytree(finished.parent / "images", folder / "images")
    (folder / "network").write_text(f"{finished.parent / 'own.py'}:net")
    return folder / "run"


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    ("file", "command", "share"),
    [
        ("run.json", compress_again, 0.5),
        ("run.json", resume, 0.05),
        ("run.json", report, 0.05),
        ("run.json", benchmark, 0.1),
        ("metrics.json", report, 0.07),
    ],
)
def test_no_value_of_a_file_of_figures_brings_a_command_down(
    finished: Path, tmp_path: Path, file: str, command: Callable[[Path], tuple[str, ...]], share: float
) -> None:
    path = copied(finished, tmp_path)
    content = json.loads((path / file).read_text())
    if command is resume:
        del content["compress"]  # it is made of a finished training
        (path / file).write_text(json.dumps(content))
    kept = {name: (path / name).read_bytes() for name in ("run.json", "metrics.json", "history.csv")}
    assert command is benchmark or run(*command(path)) == ""
    everything = list(damages(content))
    refused = 0
    for damage in random.Random(0).sample(everything, int(share * len(everything))):
        for name, was in kept.items():
            (path / name).write_bytes(was)
        (path / file).write_text(damage)
        refused += bool(run(*command(path)))
    assert refused


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("file", ["run.json", "metrics.json", "history.csv", "labels.txt", "model_card.md"])
def test_no_damage_to_a_file_brings_a_command_down(finished: Path, tmp_path: Path, file: str) -> None:
    path = copied(finished, tmp_path)
    was = {entry.name: entry.read_bytes() for entry in path.iterdir()}
    content = was[file]
    contents = (
        b"",
        b"\xff\xfe" + content,
        content[: len(content) // 2],
        content + content,
        b"[" * 100_000,
        content.replace(b",", b"\0,"),
        content.replace(b"1", b"nan"),
        content.replace(b"\n", b",,,\n"),
        b"9" * 5000,
    )
    for damage in contents:
        for command in COMMANDS:
            for name, before in was.items():
                (path / name).write_bytes(before)
            (path / file).write_bytes(damage)
            run(*command(path))
    (path / file).unlink()
    (path / file).mkdir()
    for command in COMMANDS:
        run(*command(path))


def test_what_is_wrong_is_named(finished: Path, tmp_path: Path) -> None:
    path = copied(finished, tmp_path)
    record = json.loads((path / "run.json").read_text())
    for place, other, told in (
        (
            ("train", "seed"),
            "1",
            'run.json is damaged: it does not hold a run (train.seed is "1", not a whole',
        ),
        (("train", "batch_size"), 10**9, "train.batch_size is 1000000000, not from 1 to 65,536"),
        (("train", "optimizer"), "adm", 'train.optimizer is "adm", not one of adam, rmsprop, sgd'),
        (("input_shape", 0), -3, "input_shape[0] is -3, not from 1 to 65,536"),
        (("data", "images", "test"), [], "data.images.test is [], not an object"),
        (("classes",), ["a", 1], "classes[1] is 1, not a text"),
        (("train", "epochs"), GONE, ""),
        (("train", "threads"), GONE, "run.json lacks train.threads: another version of edgecnn wrote it"),
        (("data", "source"), DEEP, "it is nested too deep"),
        (("model",), float("inf"), "it holds Infinity, which is no JSON"),
    ):
        (path / "run.json").write_text(json.dumps(changed(record, place, other)))
        assert told in run("compress", str(path), "--data", str(path.parent / "nothing"))
    (path / "run.json").write_text(json.dumps(changed(record, ("classes", 0), "other")))
    assert "its numbers of images are not those of its classes" in run("compress", str(path))


def test_a_history_without_an_epochs_figure_is_named(finished: Path, tmp_path: Path) -> None:
    path = copied(finished, tmp_path)
    lines = (path / "history.csv").read_text().splitlines()
    for text, told in (
        ("stage,epoch,loss\ntrain,1,0.5\n", "a row lacks accuracy"),
        ("\n".join([lines[0] + ",dice", *(f"{line},0.5" for line in lines[1:])]), "a row lacks val_dice"),
        ("\n".join([lines[0], lines[1].replace(lines[1].split(",")[2], "inf")]), "loss is inf"),
        ("\n".join([lines[0], lines[1].replace(lines[1].split(",")[2], "half")]), "could not convert"),
    ):
        (path / "history.csv").write_text(text)
        assert told in run("report", str(path))
    (path / "history.csv").write_bytes(b"\xff")
    assert "history.csv is not text in UTF-8: byte 0" in run("report", str(path))
