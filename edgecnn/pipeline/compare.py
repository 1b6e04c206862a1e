# SPDX-License-Identifier: Apache-2.0
"""Read finished runs so that they can be compared."""

from collections.abc import Sequence
from pathlib import Path

from edgecnn.errors import RunError
from edgecnn.evaluation.comparison import ComparedRun
from edgecnn.evaluation.summary import has_masks
from edgecnn.pipeline.history import read_history
from edgecnn.pipeline.run import Run


def read_runs(folders: Sequence[Path]) -> list[ComparedRun]:
    """Return what is compared of each run, named by its folder, or by its whole path where names repeat.

    Raises:
        RunError: a folder is no run, or is not finished, or some runs are of masks and some of classes.
    """
    names = [folder.resolve().name for folder in folders]
    runs = [
        ComparedRun(
            name if names.count(name) == 1 else str(folder), record["model"], run.metrics(), read_history(run)
        )
        for name, folder in zip(names, folders, strict=True)
        for run in (Run(folder),)
        for record in (run.record(),)
    ]
    kinds = {has_masks(run.metrics): run.name for run in runs}
    if len(kinds) > 1:
        raise RunError(
            f"{kinds[True]} is of masks and {kinds[False]} of classes, whose figures are others; "
            "compare runs of one kind"
        )
    return runs
