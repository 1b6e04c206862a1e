# SPDX-License-Identifier: Apache-2.0
"""history.csv: loss, accuracy and what else is measured after every epoch of every stage of a run."""

import csv
from collections.abc import Mapping, Sequence

from edgecnn.files import replacing
from edgecnn.pipeline.run import Run

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
    """Return the epochs of each training stage, in order."""
    history: dict[str, list[dict[str, float]]] = {}
    if run.history_file.exists():
        with run.history_file.open(newline="") as file:
            for row in csv.DictReader(file):
                history.setdefault(row.pop("stage"), []).append(
                    {name: float(value) for name, value in row.items() if value}
                )
    return history
