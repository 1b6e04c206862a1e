# SPDX-License-Identifier: Apache-2.0
"""Several runs side by side, as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from edgecnn.evaluation.summary import has_masks, microseconds, percent, points, variant_title

if TYPE_CHECKING:
    from edgecnn.evaluation.plots import History

_COSTS = ("bytes", "RAM", "median µs")


@dataclass(frozen=True)
class ComparedRun:
    """What is compared of one run."""

    name: str
    network: str
    metrics: Mapping[str, Any]  # the content of metrics.json
    history: "History"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all images and of how they are split: where it is equal, so are the test images."""
        return str(self.metrics["data"]["fingerprint"])


def comparison_rows(runs: Sequence[ComparedRun]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the columns and the rows of a table of every variant of every run, as text.

    Args:
        runs: all of classes, or all of masks.
    """
    masks = has_masks(runs[0].metrics)
    two_classes = not masks and all(
        "binary" in one for run in runs for one in run.metrics["variants"].values()
    )
    quality = (
        ("Dice", "IoU") if masks else ("accuracy", "balanced accuracy", *(("AUC",) if two_classes else ()))
    )
    letters = _letters(runs)
    where = ("test images",) if len(letters) > 1 else ()
    rows = []
    for run in runs:
        for number, (variant, scores) in enumerate(run.metrics["variants"].items()):
            figures = _masks(scores) if masks else _classes(scores, two_classes)
            letter = (letters[run.fingerprint],) if where else ()
            title = f"{run.name}: {variant_title(variant)}"
            loss = _loss(scores, "dice" if masks else "accuracy") if number else "-"
            rows.append((title, *figures, loss, *_cost(scores), *letter))
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
    return [run.name for run in runs if run.metrics["data"]["synthetic"]]


def _letters(runs: Sequence[ComparedRun]) -> dict[str, str]:
    """Name each set of test images by a letter, or by two where there are very many."""
    names = [first + second for first in ("", *ascii_uppercase) for second in ascii_uppercase]
    return dict(zip(dict.fromkeys(run.fingerprint for run in runs), names, strict=False))


def _classes(scores: Mapping[str, Any], two_classes: bool) -> tuple[str, ...]:
    auc = (f"{scores['binary']['auc']['value']:.3f}",) if two_classes else ()
    return percent(scores["accuracy"]), percent(scores["balanced_accuracy"]), *auc


def _masks(scores: Mapping[str, Any]) -> tuple[str, ...]:
    return percent(scores["dice_per_image"]["value"]), percent(scores["iou_per_image"]["value"])


def _loss(scores: Mapping[str, Any], figure: str) -> str:
    return points(scores[f"{figure}_loss"], scores[f"{figure}_loss_ci95"])


def _cost(scores: Mapping[str, Any]) -> tuple[str, ...]:
    ram = f"{scores['arena_bytes']:,}" if "arena_bytes" in scores else "-"
    return f"{scores['bytes']:,}", ram, microseconds(scores["latency_us"]["median"])
