# SPDX-License-Identifier: Apache-2.0
"""Several runs side by side, as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING

from edgecnn.evaluation.results import ClassFigures, Costs, MaskFigures, RunMetrics
from edgecnn.evaluation.summary import Table, microseconds, percent, points, variant_title

if TYPE_CHECKING:
    from edgecnn.evaluation.plots import History

_COSTS = ("bytes", "RAM", "median µs")
SPARE_COLUMNS = ("median µs", "RAM", "balanced accuracy", "IoU")  # for a narrow page, the first ones first


@dataclass(frozen=True)
class ComparedRun:
    """What is compared of one run."""

    name: str
    network: str
    metrics: RunMetrics
    history: "History"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all images and of how they are split: where it is equal, so are the test images."""
        return self.metrics.data["fingerprint"]


def comparison_rows(runs: Sequence[ComparedRun]) -> Table:
    """Return the columns and the rows of a table of every variant of every run, as text.

    Args:
        runs: all of classes, or all of masks.
    """
    two_classes = all(_is_binary(run.metrics) for run in runs)
    auc = ("AUC",) if two_classes else ()
    quality = ("Dice", "IoU") if runs[0].metrics.masks else ("accuracy", "balanced accuracy", *auc)
    letters = _letters(runs)
    where = ("test images",) if len(letters) > 1 else ()
    rows = []
    for run in runs:
        for variant in run.metrics.variants:
            title = f"{run.name}: {variant_title(variant.name)}"
            loss = "-" if variant.name == run.metrics.reference else points(*variant.scores.loss)
            letter = (letters[run.fingerprint],) if where else ()
            figures = _figures(variant.scores, two_classes)
            rows.append((title, *figures, loss, *_costs(variant.costs), *letter))
    return ("model", *quality, "loss in points (95%)", *_COSTS, *where), rows


def different_images(runs: Sequence[ComparedRun]) -> str:
    """Return a sentence on which runs were measured on which images; empty where all were on the same."""
    letters = _letters(runs)
    if len(letters) == 1:
        return ""
    named = "; ".join(
        f"{letter}: {', '.join(run.name for run in runs if run.fingerprint == fingerprint)}"
        for fingerprint, letter in letters.items()
    )
    return (
        f"These runs were not measured on the same test images ({named}): figures of different letters can't "
        "be compared."
    )


def synthetic_runs(runs: Sequence[ComparedRun]) -> list[str]:
    """Return the names of the runs whose pictures are edgecnn's own."""
    return [run.name for run in runs if run.metrics.data["synthetic"]]


def _letters(runs: Sequence[ComparedRun]) -> dict[str, str]:
    """Name each set of test images by a letter, or by two where there are very many."""
    names = [first + second for first in ("", *ascii_uppercase) for second in ascii_uppercase]
    return dict(zip(dict.fromkeys(run.fingerprint for run in runs), names, strict=False))


def _is_binary(metrics: RunMetrics) -> bool:
    scores = [variant.scores for variant in metrics.variants]
    return all(isinstance(figures, ClassFigures) and figures.binary is not None for figures in scores)


def _figures(scores: ClassFigures | MaskFigures, two_classes: bool) -> tuple[str, ...]:
    if isinstance(scores, MaskFigures):
        return percent(scores.dice_per_image.value), percent(scores.iou_per_image.value)
    auc = (f"{scores.binary.auc.value:.3f}",) if two_classes and scores.binary else ()
    return percent(scores.accuracy), percent(scores.balanced_accuracy), *auc


def _costs(costs: Costs) -> tuple[str, ...]:
    ram = "-" if costs.arena_bytes is None else f"{costs.arena_bytes:,}"
    return f"{costs.bytes:,}", ram, microseconds(costs.latency_us.median)
