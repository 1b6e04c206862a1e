# SPDX-License-Identifier: Apache-2.0
"""history.csv: loss, accuracy and what else is measured after every epoch of every stage of a run."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO

from edgecnn.errors import RunError
from edgecnn.files import read_text, replacing
from edgecnn.pipeline.run import Run
from edgecnn.values import LARGEST, MOST_BYTES

COLUMNS = ("stage", "epoch", "loss", "accuracy", "val_loss", "val_accuracy")


def append_history(run: Run, stage: str, rows: Sequence[Mapping[str, float]]) -> None:
    """Put the epochs of a stage into history.csv, in place of what it held of that stage."""
    write_history(run, {**read_history(run), stage: rows})


def write_history(run: Run, history: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Write the epochs of each stage, in order."""
    with replacing(run.history_file) as temporary, temporary.open("w", newline="") as file:
        names = [name for epochs in history.values() for row in epochs for name in row]
        writer = csv.DictWriter(file, list(dict.fromkeys((*COLUMNS, *names))))
        writer.writeheader()
        for name, epochs in history.items():
            writer.writerows({"stage": name, **row, "epoch": int(row["epoch"])} for row in epochs)


def read_history(run: Run) -> dict[str, list[dict[str, float]]]:
    """Return the epochs of each training stage, in order; of a run without a history none.

    Raises:
        RunError: the file is damaged.
    """
    history: dict[str, list[dict[str, float]]] = {}
    if not run.history_file.exists():
        return history
    text = read_text(run.history_file, RunError, MOST_BYTES)
    try:
        for row in csv.DictReader(StringIO(text, newline=""), strict=True):
            history.setdefault(row.pop("stage"), []).append(_figures(row))
    except (csv.Error, KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{run.history_file} is damaged: it does not hold a figure for each epoch ({error}); remove it"
        ) from error
    return history


def _figures(row: Mapping[str, str]) -> dict[str, float]:
    """Return the numbers of a row; each that is of the training images is of the validation images, too."""
    figures = {name: float(value) for name, value in row.items() if value}
    paired = {"epoch"} | {f"val_{name.removeprefix('val_')}" for name in figures.keys() - {"epoch"}}
    if missing := sorted({*COLUMNS[1:], *paired} - figures.keys()):
        raise ValueError(f"a row lacks {missing[0]}")
    if wrong := [name for name, value in figures.items() if not abs(value) < LARGEST]:
        raise ValueError(f"{wrong[0]} is {figures[wrong[0]]}")
    return figures
