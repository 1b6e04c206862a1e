# SPDX-License-Identifier: Apache-2.0
"""Read finished runs so that they can be compared."""

from collections.abc import Sequence
from pathlib import Path

from edgecnn.errors import RunError
from edgecnn.evaluation.comparison import ComparedRun
from edgecnn.files import real_path
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.history import read_history


def read_runs(folders: Sequence[Path]) -> list[ComparedRun]:
    """Return what is compared of each run, named by its folder, or by its whole path where names repeat.

    Raises:
        RunError: a folder is no run, is not finished or lacks a figure, or only some runs are of masks.
    """
    names = [real_path(folder).name for folder in folders]
    runs = [
        _read(folder, name if names.count(name) == 1 else str(folder))
        for folder, name in zip(folders, names, strict=True)
    ]
    kinds = {run.metrics.masks: run.name for run in runs}
    if len(kinds) > 1:
        raise RunError(
            f"{kinds[True]} is of masks and {kinds[False]} of classes, whose figures are others; "
            "compare runs of one kind"
        )
    return runs


def _read(folder: Path, name: str) -> ComparedRun:
    run = Run(folder)
    return ComparedRun(name, run.record()["model"], run.metrics(), read_history(run))
