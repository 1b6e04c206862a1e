# SPDX-License-Identifier: Apache-2.0
"""The run folder: what every run leaves, and where."""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from edgecnn.compiler.ir import SQUASHED, Fitting, Ranges, Window
from edgecnn.compiler.reading.metadata import parse_ranges, parse_window
from edgecnn.errors import RunError
from edgecnn.evaluation.results import VARIANTS, RunMetrics, read_metrics
from edgecnn.files import (
    beside,
    named_path,
    read_bytes,
    read_text,
    real_path,
    write_bytes,
    write_json,
    write_text,
)
from edgecnn.pipeline.run.lock import locked
from edgecnn.pipeline.run.record import Record
from edgecnn.pipeline.run.versions import versions
from edgecnn.values import MOST_BYTES, read_json


class Run:
    """A folder that holds one trained model and everything made of it.

    run.json records what was asked for and with what; a step's options are found there under its name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keras_model = path / "model.keras"
        self.pruned_keras_model = path / "model_float32_pruned.keras"
        self.int8_model = path / "model_int8.tflite"  # the best int8 variant that was asked for
        self.labels_file = path / "labels.txt"
        self.history_file = path / "history.csv"
        self.evidence_file = path / "evidence.json"  # of what report.html is made, beside the figures
        self.metrics_file = path / "metrics.json"  # the last that a step writes
        self.report_file = path / "report.html"
        self.model_card_file = path / "model_card.md"
        self.record_file = path / "run.json"
        self._compressed = path / ".compressed"  # what `compress` has finished and not yet put in place

    def checkpoint(self, stage: str) -> Path:
        """Return the file that holds the state of a training stage until it is finished.

        Raises:
            RunError: its folder is a link.
        """
        return self._inside(self.path / "checkpoints") / f"{stage}.npz"

    def _inside(self, folder: Path) -> Path:
        """Return a folder of the run, which may be a stranger's, before files are written or moved there.

        Raises:
            RunError: it is a link, which may lead out of the run.
        """
        if folder.is_symlink():
            raise RunError(f"{folder} is a link; a run has its files in its own folder: remove the link")
        return folder

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from training or compressing here, as `lock.locked` does.

        Raises:
            RunError: another process has it, or the folder can't be made.
        """
        return locked(self.path)

    def discard_checkpoints(self) -> None:
        """Remove the states of stages that are finished, or are to be started over."""
        shutil.rmtree(self.path / "checkpoints", ignore_errors=True)

    def compressing(self) -> "Run":
        """Return the folder in which `compress` works, a run of its own, until everything in it is whole.

        Raises:
            RunError: it is a link.
        """
        return Run(self._inside(self.path / ".compressing"))

    def begin_compressing(self) -> "Run":
        """Make that folder anew, with what of the training is needed to measure and describe the result."""
        work = self.compressing()
        shutil.rmtree(work.path, ignore_errors=True)
        for file in (self.labels_file, self.variant("float32"), self.record_file):
            write_bytes(work.path / file.name, read_bytes(file, error=RunError))
        return work

    def take_over(self, work: "Run") -> None:
        """Put what `compress` left in `work` in the place of what an earlier one left here.

        A kill between two files does no harm: whoever reads the run next goes on.

        Raises:
            RunError: the folder can't be written to.
        """
        os.replace(work.path, self._compressed)
        self._finish_taking_over()

    def _finish_taking_over(self) -> None:
        if not self._inside(self._compressed).is_dir():
            return
        try:
            new = {file.name: file for file in self._compressed.iterdir() if file.is_file()}
            if record := new.pop(self.record_file.name, None):  # else files were moved already
                for file in self._compressed_files():
                    if file.name not in new:
                        file.unlink(missing_ok=True)
                os.replace(record, self.record_file)
            for name, file in new.items():
                with suppress(FileNotFoundError):  # another reader moved it
                    os.replace(file, self.path / name)
        except OSError as error:
            raise RunError(
                f"can't put the results of 'compress' in place in {self.path}: {error.strerror}"
            ) from error
        shutil.rmtree(self._compressed, ignore_errors=True)

    def _compressed_files(self) -> Iterator[Path]:
        """Find what an earlier `compress` left, so that nothing made with other options stays behind."""
        for pattern in ("device_*.json", "model_int8*", "model_float32_pruned.*"):
            yield from self.path.glob(pattern)

    def begun(self, step: str) -> dict[str, Any] | None:
        """Return the options that "train" or "compress" was begun with and not finished; None: it was not."""
        run = self.compressing() if step == "compress" else self
        options: dict[str, Any] | None = run.record().get(step) if run.record_file.exists() else None
        return options

    def variant(self, name: str) -> Path:
        """Return the .tflite file of a variant: "float32", "float32_pruned", "int8_ptq" or "int8_qat"."""
        return self.path / f"model_{name}.tflite"

    def variants(self) -> dict[str, Path]:
        """Return the .tflite file of each variant that is there, in the order in which they are shown."""
        return {name: self.variant(name) for name in VARIANTS if self.variant(name).exists()}

    def device_file(self, address: str) -> Path:
        """Return the file of what the models did on the machine at an address."""
        return self.path / f"device_{''.join(c if c.isalnum() or c in '.-' else '_' for c in address)}.json"

    def device_files(self) -> list[Path]:
        """Return such a file for each machine that they were measured on."""
        return sorted(self.path.glob("device_*.json"))

    def is_trained(self) -> bool:
        """Whether `train` came to its end; what `compress` was asked for is recorded only then."""
        return "compress" in self.record() or self.metrics_file.exists()

    def require_trained(self) -> None:
        """Check that `train` came to its end.

        Raises:
            RunError: it did not.
        """
        if not self.is_trained():
            raise RunError(
                f"the training in {self.path} is not finished; go on with it by 'edgecnn train --resume'"
            )

    def relative(self, data: Path) -> str:
        """Return a path as run.json records it: from here, so that a run can be moved with its images."""
        return Path(os.path.relpath(real_path(data), real_path(self.path))).as_posix()

    def data(self) -> Path:
        """Return where the images are.

        Raises:
            RunError: they are not there any more.
        """
        data = real_path(named_path(real_path(self.path), self.record()["data"]["source"]))
        if not data.exists():
            raise RunError(
                f"the images that {self.path} was trained on are not at {data} any more; give them by --data"
            )
        return data

    def input_shape(self) -> tuple[int, int, int]:
        """Return height, width and channels of the model's input."""
        height, width, channels = self.record()["input_shape"]
        return height, width, channels

    def record(self) -> dict[str, Any]:
        """Return what run.json holds.

        Raises:
            RunError: this is not a run folder, or its run.json is damaged.
        """
        self._finish_taking_over()
        if not self.record_file.exists():
            near = "" if self.path.exists() else beside(self.path)
            said = f"{self.path} is not a run: it has no run.json; make one with 'edgecnn train'"
            raise RunError(f"{said}.{near}" if near else said)
        record: dict[str, Any] = read_json(self.record_file, Record, "a run", RunError)
        return record

    def update_record(self, **entries: Any) -> None:
        """Put `entries` and the versions of the packages in use into run.json."""
        record = self.record() if self.record_file.exists() else {}
        write_json(self.record_file, {**record, **entries, "versions": versions()})

    def metrics(self) -> RunMetrics:
        """Return the figures that metrics.json holds.

        Raises:
            RunError: a step of the run is not finished, or the file is damaged.
        """
        if not self.metrics_file.exists():
            raise RunError(
                f"{self.path} has no metrics.json: its training is not finished; go on with it by --resume"
            )
        return read_metrics(self.metrics_file)

    def window(self) -> Window | None:
        """Return the window of the images of more than 8 bits that it was trained on, if there were any.

        Raises:
            RunError: run.json is damaged.
        """
        text = self.record()["data"].get("window")
        try:
            return None if text is None else parse_window(text)
        except (ValueError, AttributeError) as error:
            raise RunError(f"{self.record_file} is damaged: data.window is {text!r}; train again") from error

    def fitting(self) -> Fitting:
        """Return how images became the network's pixels; the order of its channels is folded into it."""
        train = self.record()["train"]
        return Fitting(train.get("fit", SQUASHED.fit), train.get("resize", SQUASHED.resize))

    def ranges(self) -> Ranges | None:
        """Return the ranges of the numbers that it was trained on; None: they were images.

        Raises:
            RunError: run.json is damaged.
        """
        text = self.record()["data"].get("ranges")
        try:
            return None if text is None else parse_ranges(text)
        except (ValueError, AttributeError) as error:
            raise RunError(f"{self.record_file} is damaged: data.ranges is {text!r}; train again") from error

    def labels(self) -> list[str]:
        """Return the names of the classes, in the order of the model's output.

        Raises:
            RunError: the file is not there, or no list of names.
        """
        return read_text(self.labels_file, RunError, MOST_BYTES).splitlines()

    def write_labels(self, labels: tuple[str, ...]) -> None:
        """Write one class name per line."""
        write_text(self.labels_file, "".join(f"{label}\n" for label in labels))
