# SPDX-License-Identifier: Apache-2.0
"""The networks on real images: float against int8, a classical baseline beside them.

    EDGECNN_DATA=... python benchmarks/real_images.py [STUDY ...]

Needs the packs of studies.py in the folder that EDGECNN_DATA names, scikit-learn, and for all of them three
hours on two cores. Each fold is trained with each seed by the same steps as `edgecnn train` and `edgecnn
compress`; finished ones are kept in --work and not repeated. Writes results/real_images.json and .md; studies
that are not named keep the figures that they have there.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from baselines import SIDE, Answers, colours, support_vectors
from provenance import RESULTS, provenance
from studies import PARTS, STUDIES, Study

from edgecnn.compiler.inspect import inspect
from edgecnn.data.arrays import Arrays, load_arrays, load_part
from edgecnn.data.dataset import Dataset, Sample, open_dataset
from edgecnn.errors import EdgecnnError
from edgecnn.evaluation.accuracy import Estimate, balanced_mean, cluster_bootstrap
from edgecnn.evaluation.binary import SPECIFICITY, Curve, curve
from edgecnn.evaluation.overlap import dice_by_image
from edgecnn.files import replacing, write_json, write_text
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.versions import versions
from edgecnn.pipeline.verify import verify

COMMAND = "python benchmarks/real_images.py"
VERIFIED = 4  # random inputs to compare the C's bytes on
VARIANTS = ("float32", "int8_ptq", "int8_qat")
BASELINE = "baseline"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One training: a fold to test on and a seed."""

    study: Study
    fold: int
    seed: int
    table: Path  # CSV file with the splits

    @property
    def run(self) -> Path:
        """Its run folder."""
        return self.table.with_suffix("") / f"seed{self.seed}"

    @property
    def answers(self) -> Path:
        """The file that keeps what each model says of each test image."""
        return self.run.with_suffix(".npz")

    @cached_property
    def test(self) -> tuple[Sample, ...]:
        """The test images."""
        return open_dataset(self.table, seed=0).part("test")


def main() -> None:
    """Train what is missing, and write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = [study.name for study in STUDIES]
    parser.add_argument("studies", nargs="*", metavar="STUDY", help=f"some of {', '.join(names)}")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, each on one thread")
    parser.add_argument("--work", type=Path, default=Path("runs/real_images"))
    options = parser.parse_args()
    if unknown := set(options.studies) - set(names):
        parser.error(f"there is no study {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if "EDGECNN_DATA" not in os.environ:
        sys.exit("Error: EDGECNN_DATA is not set; it names the folder that holds the packs of pictures")
    data = Path(os.environ["EDGECNN_DATA"])
    figures = {}
    for study in STUDIES:
        if study.name in (options.studies or names):
            tables = study.tables(data, options.work.resolve() / study.name)
            cells = [
                Cell(study, fold, seed, table)
                for seed in range(options.seeds)
                for fold, table in enumerate(tables)
            ]
            _train_all(cells, options.jobs)
            figures[study.name] = figures_of(study, cells)
            _write(figures)


def _train_all(cells: list[Cell], jobs: int) -> None:
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done, cell in enumerate(pool.map(train, cells), 1):
            print(f"{done}/{len(cells)}: {cell.answers}", file=sys.stderr, flush=True)


def train(cell: Cell) -> Cell:
    """Train, compress and measure as the command line does; keep what each model says."""
    if not cell.answers.exists():
        from edgecnn.pipeline.compress import compress
        from edgecnn.pipeline.run.options import CompressOptions, TrainOptions
        from edgecnn.pipeline.train import train
        from edgecnn.progress import silent

        training = TrainOptions(
            cell.table, cell.study.model, seed=cell.seed, threads=1, **cell.study.training
        )
        if not (cell.run / "model.keras").exists():
            train(cell.run, training, silent, resume=(cell.run / "run.json").exists())
        compress(cell.run, CompressOptions(**cell.study.compression), silent)
        with replacing(cell.answers) as temporary:
            np.savez(temporary, **answers(cell))
    return cell


def answers(cell: Cell) -> dict[str, npt.NDArray[Any]]:
    """Return what each model says of each test image, and the baseline, by "MODEL FIGURE"."""
    from edgecnn.pipeline.evaluate import Timing, evaluate_models
    from edgecnn.progress import silent

    run, dataset = Run(cell.run), open_dataset(cell.table, seed=0)
    test = load_part(dataset, "test", run.input_shape(), silent)
    models = {name: run.variant(name) for name in VARIANTS}
    timing = Timing(warmup=0, runs=1)
    evaluation = evaluate_models(models, "float32", test, dataset.classes, {}, timing, silent)
    said = {
        name: Answers(
            evaluation.predictions[name], scores[:, 1].astype(float) if len(dataset.classes) == 2 else None
        )
        for name, scores in evaluation.probabilities.items()
    }
    said[BASELINE] = baseline(dataset, test)
    reference = said["float32"].predicted
    return {
        f"{name} {figure}": values
        for name, answer in said.items()
        for figure, values in by_image(test, answer, reference).items()
    }


def baseline(dataset: Dataset, test: Arrays) -> Answers:
    """Return what a classical classifier says, trained on the same images."""
    if test.masks is not None:
        height, width, channels = test.images.shape[1:]
        train, validation = (
            load_arrays(dataset.part(split), height, width, channels) for split in ("train", "validation")
        )
        return colours(train, validation, test)
    known, channels = [*dataset.part("train"), *dataset.part("validation")], test.images.shape[3]
    train = load_arrays(known, SIDE, SIDE, channels)
    return support_vectors(train, load_arrays(dataset.part("test"), SIDE, SIDE, channels))


def by_image(test: Arrays, said: Answers, reference: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Return a number an image: "score" (right or not, or Dice) and "same" as the reference; and others."""
    if test.masks is None:
        right = (said.predicted == test.labels).astype(float)
        rank = {} if said.scores is None else {"rank": said.scores}
        return {"score": right, "same": (said.predicted == reference).astype(float), **rank}
    actual, axes = test.masks == 1, (1, 2, 3)
    return {
        "score": dice_by_image(actual, said.predicted == 1),
        "same": (said.predicted == reference).mean(axis=axes),
        "pixels": (said.predicted == actual).mean(axis=axes),
    }


@dataclass(frozen=True)
class Rows:
    """One row for each test image of each cell."""

    labels: npt.NDArray[np.int64]
    groups: npt.NDArray[Any]
    cells: npt.NDArray[np.int64]
    values: dict[str, Floats]  # by "MODEL FIGURE"

    def mean(self, values: Floats) -> dict[str, Any]:
        """Return the mean in percent over cells and classes, with an interval clustered by group."""
        return asdict(balanced_mean(100 * values, self.labels, self.groups, self.cells))

    def ranked(self, scores: Floats, figure: Callable[[Curve], float]) -> dict[str, Any]:
        """Return the mean over cells of a figure of the curve of two classes, with its interval."""
        parts = [np.flatnonzero(self.cells == cell) for cell in np.unique(self.cells)]
        ones = np.ones(len(scores), np.int64)

        def mean(weights: npt.NDArray[np.integer[Any]]) -> float:
            drawn = [weights if len(np.unique(self.labels[p][weights[p] > 0])) == 2 else ones for p in parts]
            curves = [curve(self.labels[p], scores[p], w[p]) for p, w in zip(parts, drawn, strict=True)]
            return float(np.mean([figure(found) for found in curves]))

        ends = cluster_bootstrap(mean, self.groups)
        return asdict(Estimate(mean(ones), ends))


def gather(cells: list[Cell]) -> Rows:
    """Read what the models said in each cell."""
    tests = [cell.test for cell in cells]
    kept = [dict(np.load(cell.answers)) for cell in cells]
    return Rows(
        labels=np.array([sample.label for test in tests for sample in test]),
        groups=np.array([sample.group for test in tests for sample in test]),
        cells=np.concatenate([np.full(len(test), number) for number, test in enumerate(tests)]),
        values={name: np.concatenate([answers[name] for answers in kept]) for name in kept[0]},
    )


def figures_of(study: Study, cells: list[Cell]) -> dict[str, Any]:
    """Return everything that the result file holds of a study."""
    rows = gather(cells)
    pack = open_dataset(cells[0].table, seed=0)
    return {
        "data": {
            "title": study.title,
            "pack": study.pack,
            "source": study.source,
            "fingerprint": pack.fingerprint,
            "images": {split: len(pack.part(split)) for split in PARTS},
        },
        "model": study.model,
        "folds": 1 + max(cell.fold for cell in cells),
        "seeds": 1 + max(cell.seed for cell in cells),
        "training": study.training,
        "compression": study.compression,
        "metric": "balanced accuracy" if "float32 pixels" not in rows.values else "Dice",
        "models": {name: _figures(name, rows) for name in (*VARIANTS, BASELINE)},
        "int8": cost(Run(cells[0].run)),
    }


def _figures(name: str, rows: Rows) -> dict[str, Any]:
    """Return the figures of one model: in percent, AUC excepted."""
    score = rows.values[f"{name} score"]
    figures = {
        "score": rows.mean(score),
        "loss": rows.mean(rows.values["float32 score"] - score),
        "agreement": 100 * float(rows.values[f"{name} same"].mean()),
    }
    if (ranks := rows.values.get(f"{name} rank")) is not None:
        figures["auc"] = rows.ranked(ranks, lambda curve: curve.auc)
        figures["sensitivity_at_90_specificity"] = rows.ranked(
            ranks, lambda curve: 100 * curve.sensitivity_at(SPECIFICITY)
        )
    if (pixels := rows.values.get(f"{name} pixels")) is not None:
        figures["pixel_accuracy"] = 100 * float(pixels.mean())
    return figures


def cost(run: Run) -> dict[str, Any]:
    """Return what the int8 model of a run takes, and how its C compares with TFLite's reference kernels."""
    contents, verified = inspect(run.int8_model), verify(run.int8_model, "c99", VERIFIED)
    return {
        "input": list(run.input_shape()),
        "parameters": run.record()["parameters"],
        "bytes": run.int8_model.stat().st_size,
        "zeros_percent": round(100 * contents["sparsity"], 1),
        "macs": verified.macs,
        "arena_bytes": verified.arena_bytes,
        "oracle": verified.oracle,
        "bytes_compared": verified.bytes_compared,
        "bytes_different": verified.bytes_different,
    }


def _write(figures: dict[str, Any]) -> None:
    """Put the figures of studies into the result file, and write its table anew."""
    path = RESULTS / "real_images.json"
    before = json.loads(path.read_text())["studies"] if path.exists() else {}
    about = {"command": COMMAND, **provenance(), "versions": versions()}
    new = before | {name: {**about, **found} for name, found in figures.items()}
    ordered = {study.name: new[study.name] for study in STUDIES if study.name in new}
    write_json(path, {"studies": ordered})
    write_text(RESULTS / "real_images.md", table(ordered))


COLUMNS = (
    "network",
    "images",
    "float32",
    "int8",
    "loss, points",
    "agreement",
    "classical baseline",
    "`.tflite`, bytes",
    "RAM of the C, bytes",
    "million MACs",
    "bytes that differ",
)


def table(studies: dict[str, Any]) -> str:
    """Return the tables in Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(_row(study))} |" for study in studies.values()]
    ranked = [f"| {' | '.join(row)} |" for study in studies.values() for row in _ranked(study)]
    head = ["| network | model | AUC | sensitivity at 90% specificity |", "|---|---|---|---|"]
    return "\n".join([*lines, "", *head, *ranked, ""])


def _row(study: dict[str, Any]) -> list[str]:
    models, int8 = study["models"], study["int8"]
    return [
        _network(study),
        f"{study['data']['title']}; {study['metric']}",
        _interval(models["float32"]["score"]),
        _interval(models["int8_qat"]["score"]),
        _interval(models["int8_qat"]["loss"]),
        f"{models['int8_qat']['agreement']:.1f}",
        _interval(models[BASELINE]["score"]),
        f"{int8['bytes']:,}",
        f"{int8['arena_bytes']:,}",
        f"{int8['macs'] / 1e6:,.1f}",
        f"{int8['bytes_different']} of {int8['bytes_compared']:,}",
    ]


def _network(study: dict[str, Any]) -> str:
    return f"`{study['model']}` {'x'.join(map(str, study['int8']['input']))}"


def _ranked(study: dict[str, Any]) -> Iterator[list[str]]:
    titles = {"float32": "float32", "int8_qat": "int8", BASELINE: "support vector machine"}
    for model, title in titles.items():
        figures = study["models"][model]
        if "auc" in figures:
            at_90 = figures["sensitivity_at_90_specificity"]
            yield [_network(study), title, _interval(figures["auc"], 3), _interval(at_90)]


def _interval(estimate: dict[str, Any], digits: int = 1) -> str:
    low, high = estimate["ci95"]
    return f"{estimate['value']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


if __name__ == "__main__":
    try:
        main()
    except EdgecnnError as error:
        sys.exit(f"Error: {error}")
