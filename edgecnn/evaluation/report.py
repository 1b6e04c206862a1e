# SPDX-License-Identifier: Apache-2.0
"""report.html: one file that shows a whole run and needs nothing but a browser."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.escape import for_html
from edgecnn.evaluation.accuracy import ClassScores, Estimate, class_scores
from edgecnn.evaluation.arena import ArenaPlans
from edgecnn.evaluation.binary import Curve
from edgecnn.evaluation.calibration import BINS
from edgecnn.evaluation.groups import GroupScores
from edgecnn.evaluation.html import cells, drawing, grid, note, page, synthetic, table, text_table
from edgecnn.evaluation.pictures import Example, MaskExample, disagreements, examples
from edgecnn.evaluation.plots import History, curves, memory, parting, reliability, spread
from edgecnn.evaluation.summary import (
    baseline_note,
    binary_rows,
    calibration_rows,
    has_masks,
    latency_note,
    microseconds,
    percent,
    summary_rows,
    variant_title,
)
from edgecnn.files import write_text

Confusion = npt.NDArray[np.int64]  # (classes, classes), actual by predicted

_GROUPS_SHOWN = 10  # of more, a table of all is no help
_TEACHER = note(
    "While pruning and QAT the float model is the teacher: training accuracy then tells "
    "how often its answer was learned. Validation is against the labels throughout."
)
_CALIBRATION = note(
    f"Of the most probable class, in {BINS} bins of equal width; the more images a bin has, the larger its "
    "dot. The expected calibration error is the mean distance between probability and share that is right, "
    "weighted by images (Guo et al. 2017, “On calibration of modern neural networks”, arXiv:1706.04599); "
    "where bins hold few images, chance makes some. Overconfidence is mean probability minus share that is "
    "right. Vertical lines are 95% intervals."
)
_MEMORY = note(
    "What lies where in memory while the network runs once. Each shade is what one operator makes, grey its "
    "working memory; the dashed line is where the most is held at once."
)


@dataclass(frozen=True)
class RunReport:
    """Everything the report shows; what is empty has no section."""

    title: str
    summary: str  # a sentence or two: which model, trained on what, compressed how
    synthetic: bool  # whether the data are the built-in phantoms
    metrics: Mapping[str, Any]  # the content of metrics.json
    history: History  # stage -> what training.fit returned for it
    confusion: Mapping[str, Confusion]  # variant -> counts; the first and the last are shown
    curves: Mapping[str, Curve]  # variant -> counts at every threshold, where there are two classes
    groups: GroupScores | None  # the first and the last variant are shown
    examples: Sequence[Example | MaskExample]  # with the answers of the last variant
    # A sentence on how often the first and the last variant differ, and pictures with their answers.
    disagreements: tuple[str, Sequence[Example | MaskExample]] | None
    arena: ArenaPlans | None  # of the last variant
    findings: Sequence[str]  # of the data check, one sentence each
    run: Mapping[str, Any]  # the content of run.json: options, seed, versions, fingerprint


def write_report(path: Path, report: RunReport) -> None:
    """Write `report` to `path` as one self-contained HTML file; the same report gives the same bytes.

    Raises:
        EdgecnnError: `path` can't be written.
    """
    classes = report.metrics["classes"]
    sections = {
        "Data check": _findings(report.findings),
        "Results": _results(report),
        "Training": _training(report.history),
        "Two classes": _two_classes(report),
        "Class by class": _classes(report),
        "Calibration": _calibration(report.metrics),
        "Group by group": _groups(report),
        "Test pictures": examples(report.examples, classes),
        "Where the models differ": _disagreements(report),
        "Memory over time": _memory(report.arena),
    }
    notices = synthetic() if report.synthetic else ""
    write_text(path, page(report.title, report.summary, notices, sections, _details(report)))


def _results(report: RunReport) -> str:
    metrics = report.metrics
    columns, rows = summary_rows(metrics)
    said = (
        f"On {metrics['test_images']:,} test images. Loss and agreement are against {rows[0][0]} on the same "
        "images; a loss comes with its 95% interval, and a negative one is a gain. "
        + f"{latency_note(metrics)} {baseline_note(metrics)}".strip()
    )
    return f"{_tiles(report)}\n{text_table(columns, rows)}\n{note(for_html(said))}"


def _tiles(report: RunReport) -> str:
    """Say in a few figures what compression cost and brought: the last variant against the first."""
    variants = report.metrics["variants"]
    if len(variants) < 2:
        return ""
    (first, base), *_, (last, ours) = variants.items()
    was, now = for_html(variant_title(first)), for_html(variant_title(last))
    masks = has_masks(report.metrics)
    name, value = ("Dice", "dice_per_image") if masks else ("Accuracy", "accuracy")
    loss = "dice_loss" if masks else "accuracy_loss"
    low, high = ours[f"{loss}_ci95"]
    latency = ours["latency_us"]
    smaller = f"{base['bytes'] / ours['bytes']:.1f}"
    tiles = [
        _tile(name, percent(_value(ours[value])), "", f"{now}; {was} {percent(_value(base[value]))}"),
        _tile(
            "Loss of Dice" if masks else "Loss of accuracy",
            f"{ours[loss]:.2f}",
            "points",
            f"95% interval {low:.2f} to {high:.2f}",
        ),
        _tile("Model file", f"{ours['bytes']:,}", "bytes", f"{was}: {smaller} times that"),
        _tile("One inference", microseconds(latency["median"]), "µs", f"median of {latency['runs']} runs"),
    ]
    if report.arena:
        rows, whole = report.arena.rows.bytes, report.arena.whole.bytes
        tiles.insert(3, _tile("Memory as C", f"{rows:,}", "bytes", f"with whole tensors {whole:,}"))
    return grid("tiles", tiles)


def _tile(name: str, figure: str, unit: str, explained: str) -> str:
    return f"<div>{name}<strong>{figure} <small>{unit}</small></strong><small>{explained}</small></div>"


def _value(figure: Any) -> float:
    """Return a figure that may come with an interval."""
    return float(figure["value"] if isinstance(figure, Mapping) else figure)


def _training(history: History) -> str:
    if not any(history.values()):
        return ""
    stages = [rows[0] for rows in history.values() if rows]
    names = ("Dice", "Loss") if all("dice" in row for row in stages) else ("Accuracy", "Loss")
    keys = ("validation", "training")
    figures = grid("pair", (drawing(name, keys, curves(history, name.lower())) for name in names))
    return figures + (_TEACHER if {"prune", "qat"} & set(history) else "")


def _keys(variants: Mapping[str, Any]) -> list[str]:
    """Name the solid line, of the last variant, and the dashed one, of the first, if there are two."""
    names = [for_html(variant_title(name)) for name in variants]
    return [names[-1], *names[:1]] if len(names) > 1 else names


def _two_classes(report: RunReport) -> str:
    rows = binary_rows(report.metrics)
    if rows is None or not report.curves:
        return ""
    figures = [
        drawing(name, _keys(report.curves), parting(report.curves, kind))
        for name, kind in (("ROC", "ROC"), ("Precision and recall", "precision and recall"))
    ]
    said = (
        f"Positive is {for_html(report.metrics['classes'][1])}. Sensitivity and specificity are those at the "
        "threshold, which each file carries: it has the highest balanced accuracy on the validation images. "
        "Intervals are 95%, by group."
    )
    return f"{text_table(*rows)}\n{note(said)}\n{grid('pair', figures)}"


def _classes(report: RunReport) -> str:
    names = [for_html(name) for name in report.metrics["classes"]]
    variants = list(report.confusion)
    if not variants:
        return ""
    shown = dict.fromkeys((variants[0], variants[-1]))
    said = note("Small figures are shares of the actual class, or 95% intervals.")
    return grid("pair", (_card(variant, names, report.confusion[variant]) for variant in shown)) + said


def _card(variant: str, names: Sequence[str], confusion: Confusion) -> str:
    matrix = table(
        ("actual ↓<br>predicted →", *names),
        ((name, _confusion_cells(row, confusion)) for row, name in enumerate(names)),
        "confusion",
    )
    rows = zip(names, map(_score_cells, class_scores(confusion)), strict=True)
    scores = table(("class", "images", "precision", "recall", "F1"), rows)
    return f'<div class="card"><h3>{for_html(variant_title(variant))}</h3>\n{matrix}\n{scores}</div>'


def _confusion_cells(row: int, confusion: Confusion) -> Iterator[str]:
    """Shade each count by its share of the row, hits in one hue, misses in another; a few misses show."""
    total = max(1, int(confusion[row].sum()))
    for column, count in enumerate(confusion[row].tolist()):
        hue = "hit" if column == row else "miss"
        shade = f"background: rgb(var(--{hue}) / {0.55 * sqrt(count / total):.3f})"
        yield f'<td style="{shade}">{count:,}<small>{percent(count / total)}</small></td>'


def _score_cells(scores: ClassScores) -> list[str]:
    estimates = map(_estimate, (scores.precision, scores.recall, scores.f1))
    return cells((f"{scores.images:,}", *estimates))


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    low, high = estimate.ci95
    return f"{percent(estimate.value)}<small>{100 * low:.1f}–{100 * high:.1f}</small>"


def _calibration(metrics: Mapping[str, Any]) -> str:
    rows = calibration_rows(metrics)
    if rows is None:
        return ""
    found = {name: scores["calibration"] for name, scores in metrics["variants"].items()}
    figure = drawing("Reliability", _keys(found), reliability(found))
    return grid("pair beside", (figure, f"<div>{text_table(*rows)}{_CALIBRATION}</div>"))


def _groups(report: RunReport) -> str:
    """List the worst groups, beside how all of them spread."""
    found = report.groups
    if found is None:
        return ""
    shown = {name: found.means[name] for name in (next(iter(found.means)), list(found.means)[-1])}
    figure_of = "Dice" if has_masks(report.metrics) else "accuracy"
    rows = [
        (group, f"{images:,}", *(percent(means[index]) for means in shown.values()))
        for index, (group, images) in enumerate(zip(found.names, found.images.tolist(), strict=True))
    ]
    listed = text_table(("group", "images", *map(variant_title, shown)), rows[:_GROUPS_SHOWN])
    worst = f"; these {_GROUPS_SHOWN} are the worst" if len(rows) > _GROUPS_SHOWN else ""
    sizes = " to ".join(f"{size:,}" for size in sorted({min(found.images), max(found.images)}))
    said = (
        f"{len(rows):,} groups of {sizes} images{worst}. They are ordered by where the 95% interval of their "
        "last figure ends, since a group of one image says little."
    )
    figure = drawing(f"{figure_of.capitalize()} of groups", _keys(shown), spread(shown, figure_of))
    return grid("pair beside", (figure, f"<div>{listed}{note(said)}</div>"))


def _disagreements(report: RunReport) -> str:
    if report.disagreements is None:
        return ""
    sentence, shown = report.disagreements
    return f"<p>{for_html(sentence)}</p>\n{disagreements(shown, report.metrics['classes'])}"


def _memory(arena: ArenaPlans | None) -> str:
    if arena is None:
        return ""
    plans = (("Row by row", arena.rows), ("With whole tensors", arena.whole))
    figures = (
        drawing(f"{name}: {plan.bytes:,} bytes; peak: {plan.busiest}", (), memory(plan, name.lower()))
        for name, plan in plans
    )
    return grid("pair", figures) + _MEMORY


def _findings(findings: Sequence[str]) -> str:
    items = "\n".join(f"<li>{for_html(text)}</li>" for text in findings)
    return f"<ul>\n{items}\n</ul>" if items else ""


def _details(report: RunReport) -> str:
    rows = _flat({"data": report.metrics["data"], **report.run})
    body = text_table(("name", "value"), rows)
    return f"<details>\n<summary>Options, seeds and versions</summary>\n{body}\n</details>"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value if isinstance(value, str) else json.dumps(value)
