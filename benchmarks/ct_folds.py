# SPDX-License-Identifier: Apache-2.0
"""`cainvas` on real lung CT slices: float against int8, cross-validated by group, an SVM beside it.

    EDGECNN_DATA=... python benchmarks/ct_folds.py      writes benchmarks/results/ct_folds.json and .md

Needs the pack iqothnccd-ct160 in the folder that EDGECNN_DATA names, and scikit-learn. Groups of slices that
look like one scan are never torn apart between training and test; a random split of these slices scores near
100% by recognizing scans. Each fold is trained with each seed by the same steps as `edgecnn train` and
`edgecnn compress`; finished ones are kept in --work and not repeated.
"""

import argparse
import csv
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from provenance import RESULTS, provenance
from sklearn.svm import SVC

from edgecnn import DISCLAIMER
from edgecnn.data.arrays import load_arrays
from edgecnn.data.dataset import Dataset, open_dataset
from edgecnn.data.split import split_by_group
from edgecnn.errors import EdgecnnError
from edgecnn.evaluation.accuracy import Estimate, balanced_mean
from edgecnn.evaluation.summary import VARIANTS
from edgecnn.files import replacing, write_json, write_text
from edgecnn.pipeline.run import versions

PACK = "iqothnccd-ct160"
SOURCE = 'Alyasriy and AL-Huseiny, "The IQ-OTHNCCD lung cancer dataset", DOI 10.17632/bhmdr45bh2, CC BY 4.0'
VALIDATION = 0.15  # part of the slices outside the test fold
TRAINING: dict[str, Any] = {
    "epochs": 25,
    "patience": 25,
    "class_weights": "balanced",
    "augment": "shift=0.05,zoom=0.05,brightness=0.05",
}
COMPRESSION: dict[str, Any] = {"sparsity": 0.5, "prune_epochs": 10, "qat_epochs": 5}
SVM = "RBF SVM, 32x32 pixels"


@dataclass(frozen=True)
class Cell:
    """One training: a fold to test on and a seed."""

    fold: int
    seed: int
    table: Path  # CSV file with the splits
    work: Path

    @property
    def answers(self) -> Path:
        """The file that keeps the predictions."""
        return self.work / f"fold{self.fold}-seed{self.seed}.npz"


def main() -> None:
    """Train what is missing, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, each on one thread")
    parser.add_argument("--work", type=Path, default=Path("runs/ct_folds"))
    options = parser.parse_args()
    if "EDGECNN_DATA" not in os.environ:
        sys.exit(f"Error: EDGECNN_DATA is not set; it names the folder that holds {PACK}")
    pack = open_dataset(Path(os.environ["EDGECNN_DATA"]) / PACK / "manifest.csv", seed=0)
    folds = [_write_fold(pack, fold, options.folds, options.work) for fold in range(options.folds)]
    cells = [
        Cell(f, seed, table, options.work) for seed in range(options.seeds) for f, table in enumerate(folds)
    ]
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        for done, cell in enumerate(pool.map(_train, cells), 1):
            print(f"{done}/{len(cells)}: {cell.answers}", file=sys.stderr, flush=True)
    rows = list(_rows(cells))
    figures = _figures(rows)
    command = f"python benchmarks/ct_folds.py --folds {options.folds} --seeds {options.seeds}"
    result = {
        "command": command,
        **provenance(),
        "versions": versions(),
        "data": {
            "name": PACK,
            "source": SOURCE,
            "fingerprint": pack.fingerprint,
            "images": len(pack.samples),
        },
        "training": TRAINING,
        "compression": COMPRESSION,
        "figures": figures,
    }
    write_json(RESULTS / "ct_folds.json", result)
    table = _table(figures, len(pack.samples), options.folds, options.seeds)
    write_text(RESULTS / "ct_folds.md", table)
    print(table)


def _write_fold(pack: Dataset, fold: int, folds: int, work: Path) -> Path:
    """Write the CSV file of one fold: its groups are the test images, some of the others validate."""
    labels = [sample.label for sample in pack.samples]
    groups = [sample.group for sample in pack.samples]
    part = split_by_group(labels, groups, [1 / folds] * folds, seed=0)
    rest = np.flatnonzero(part != fold)
    inner = split_by_group(
        [labels[i] for i in rest], [groups[i] for i in rest], [1 - VALIDATION, VALIDATION], seed=fold
    )
    split = np.full(len(labels), "test", dtype="<U10")
    split[rest] = np.where(inner == 0, "train", "validation")
    path = work / f"fold{fold}.csv"
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "group", "split"])
        for sample, name in zip(pack.samples, split, strict=True):
            writer.writerow([sample.path.resolve(), pack.classes[sample.label], sample.group, name])
    return path


def _train(cell: Cell) -> Cell:
    """Train, compress and measure, as the command line does; keep each variant's predictions."""
    if not cell.answers.exists():
        from edgecnn.pipeline.benchmark import benchmark
        from edgecnn.pipeline.compress import CompressOptions, compress
        from edgecnn.pipeline.evaluate import Timing
        from edgecnn.pipeline.train import TrainOptions, train
        from edgecnn.progress import silent

        run = cell.work / f"fold{cell.fold}-seed{cell.seed}"
        options = TrainOptions(cell.table, "cainvas", seed=cell.seed, threads=1, **TRAINING)
        if not (run / "model.keras").exists():
            train(run, options, silent, resume=(run / "run.json").exists())
        compress(run, CompressOptions(**COMPRESSION), silent)
        evaluation = benchmark([run], cell.table, Timing(warmup=0, runs=1), silent)
        with replacing(cell.answers) as temporary:
            np.savez(temporary, **evaluation.predictions, svm=_svm(cell.table))
    return cell


def _svm(table: Path) -> npt.NDArray[np.int64]:
    """Return the test predictions of a support vector machine that saw all other images."""
    dataset = open_dataset(table, seed=0)
    train = load_arrays([*dataset.part("train"), *dataset.part("validation")], 32, 32, 1)
    test = load_arrays(dataset.part("test"), 32, 32, 1)
    machine = SVC(C=10, gamma="scale", class_weight="balanced")
    machine.fit(train.images.reshape(len(train.images), -1) / 255, train.labels)
    answers: npt.NDArray[np.int64] = machine.predict(test.images.reshape(len(test.images), -1) / 255)
    return answers


@dataclass(frozen=True)
class Row:
    """The predictions of every model for the test images of one cell."""

    cell: int
    labels: npt.NDArray[np.int64]
    groups: tuple[str, ...]
    answers: dict[str, npt.NDArray[np.int64]]


def _rows(cells: list[Cell]) -> Iterator[Row]:
    for index, cell in enumerate(cells):
        test = open_dataset(cell.table, seed=0).part("test")
        with np.load(cell.answers) as answers:
            yield Row(
                index,
                np.array([sample.label for sample in test]),
                tuple(sample.group for sample in test),
                {name: answers[name] for name in answers.files},
            )


def _figures(rows: list[Row]) -> dict[str, Any]:
    """Return accuracy and balanced accuracy of each model and their paired differences, in percent."""
    labels = np.concatenate([row.labels for row in rows])
    groups = np.array([group for row in rows for group in row.groups])
    cells = np.concatenate([np.full(len(row.labels), row.cell) for row in rows])
    right = {
        name: np.concatenate([row.answers[name] == row.labels for row in rows]).astype(float)
        for name in rows[0].answers
    }

    def percent(values: npt.NDArray[np.float64]) -> dict[str, Any]:
        estimate = balanced_mean(values, labels, groups, cells)
        return asdict(Estimate(100 * estimate.value, (100 * estimate.ci95[0], 100 * estimate.ci95[1])))

    return {
        name: {
            "accuracy": 100 * float(np.mean([values[cells == row.cell].mean() for row in rows])),
            "balanced_accuracy": percent(values),
            "loss_of_balanced_accuracy": percent(right["float32"] - values),
        }
        for name, values in right.items()
    }


def _table(figures: dict[str, Any], images: int, folds: int, seeds: int) -> str:
    lines = [
        f"{images:,} slices, {folds} folds by group, {seeds} seeds; means over all trainings in percent,",
        f"95% intervals clustered by group. Data: {SOURCE}.",
        DISCLAIMER,
        "",
        "| model | accuracy | balanced accuracy | loss of balanced accuracy against float, points |",
        "|---|---|---|---|",
    ]
    for name, row in figures.items():
        loss = "-" if name == "float32" else _interval(row["loss_of_balanced_accuracy"])
        label = VARIANTS.get(name, SVM)
        lines.append(f"| {label} | {row['accuracy']:.1f} | {_interval(row['balanced_accuracy'])} | {loss} |")
    return "\n".join(lines) + "\n"


def _interval(estimate: dict[str, Any]) -> str:
    return f"{estimate['value']:.1f} ({estimate['ci95'][0]:.1f} to {estimate['ci95'][1]:.1f})"


if __name__ == "__main__":
    try:
        main()
    except EdgecnnError as error:
        sys.exit(f"Error: {error}")
