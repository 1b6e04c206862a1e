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
from edgecnn.evaluation.binary import CurveCounts
from edgecnn.evaluation.calibration import BINS
from edgecnn.evaluation.devices import device_section
from edgecnn.evaluation.evidence import ClassEvidence, Confusion, MaskEvidence
from edgecnn.evaluation.groups import GroupScores
from edgecnn.evaluation.html import cells, drawing, grid, note, page, swatches, synthetic, table, text_table
from edgecnn.evaluation.pictures import answered, overlaid_answers, overlaid_truth
from edgecnn.evaluation.plots import History, curves, memory, parting, reliability, spread
from edgecnn.evaluation.results import ClassFigures, RunMetrics
from edgecnn.evaluation.summary import (
    baseline_note,
    binary_rows,
    calibration_rows,
    device_rows,
    fit_sentences,
    headline,
    latency_note,
    microseconds,
    percent,
    provenance,
    summary_rows,
    variant_title,
)
from edgecnn.files import write_text

Counts = npt.NDArray[np.int64]  # (classes, classes), actual by predicted

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
    "What lies where in memory while the network runs once, from its first row to its last; neighbouring "
    "operators differ in shade. The dashed line is where the most is held at once."
)
_MEMORY_KEYS = swatches(
    {"var(--validation)": "what an operator makes", "var(--training)": "its working memory"}
)


@dataclass(frozen=True)
class RunReport:
    """What a run folder holds and its report shows; what is empty has no section."""

    record: Mapping[str, Any]  # the content of run.json
    metrics: RunMetrics
    history: History  # stage -> what training.fit returned for it
    evidence: ClassEvidence | MaskEvidence
    arena: ArenaPlans | None  # of the int8 model
    devices: Sequence[Mapping[str, Any]]  # each a `DeviceReport`


def write_report(path: Path, report: RunReport) -> None:
    """Write `report` to `path` as one self-contained HTML file; the same report gives the same bytes.

    Raises:
        EdgecnnError: `path` can't be written.
    """
    record, metrics = report.record, report.metrics
    sections = {
        "Data check": _findings(record["data"].get("findings", ())),
        "Results": _results(report),
        "Training": _training(report.history),
        **_seen(metrics, report.evidence),
        "Memory over time": _memory(report.arena),
        **dict(map(device_section, report.devices)),
    }
    title = f"{record['model']} on {Path(record['data']['source']).name}"
    notices = synthetic() if metrics.data["synthetic"] else ""
    text = page(title, provenance(record, metrics), notices, sections, _details(record))
    write_text(path, text)


def _seen(metrics: RunMetrics, evidence: ClassEvidence | MaskEvidence) -> dict[str, str]:
    """Return the sections on what was seen on the test images."""
    if isinstance(evidence, MaskEvidence):
        differing = overlaid_answers(evidence.differing, metrics.reference, metrics.chosen)
        return {
            "Group by group": _groups(metrics, evidence.groups),
            "Test pictures": overlaid_truth(evidence.examples),
            "Where the models differ": _difference(evidence.difference, differing),
        }
    differing = answered(evidence.differing, metrics.classes)
    return {
        "Two classes": _two_classes(metrics, evidence.curves),
        "Class by class": _classes(metrics, evidence.confusion),
        "Calibration": _calibration(metrics),
        "Group by group": _groups(metrics, evidence.groups),
        "Test pictures": answered(evidence.examples, metrics.classes),
        "Where the models differ": _difference(evidence.difference, differing),
    }


def _results(report: RunReport) -> str:
    metrics = report.metrics
    said = (
        f"On {metrics.test_images:,} test images. Loss and agreement are against "
        f"{variant_title(metrics.reference)} on the same images; a loss comes with its 95% interval, and a "
        f"negative one is a gain. {f'{latency_note(metrics)} {baseline_note(metrics)}'.strip()}"
    )
    rows = device_rows(metrics)
    told = " ".join([headline(metrics), *fit_sentences(metrics)])
    on_device = f"\n{text_table(*rows)}\n{note(for_html(told.strip()))}" if rows else ""
    return f"{_tiles(report)}\n{text_table(*summary_rows(metrics))}\n{note(for_html(said))}{on_device}"


def _tiles(report: RunReport) -> str:
    """Say in a few figures what compression cost and brought: the chosen variant against its reference."""
    metrics = report.metrics
    if metrics.chosen == metrics.reference:
        return ""
    base, ours = metrics[metrics.reference], metrics[metrics.chosen]
    was, now = for_html(variant_title(base.name)), for_html(variant_title(ours.name))
    loss, (low, high) = ours.scores.loss
    latency = ours.costs.latency_us
    smaller = f"{base.costs.bytes / ours.costs.bytes:.1f}"
    tiles = [
        _tile(
            "Dice" if metrics.masks else "Accuracy",
            percent(ours.scores.quality),
            "",
            f"{now}; {was} {percent(base.scores.quality)}",
        ),
        _tile(
            "Loss of Dice" if metrics.masks else "Loss of accuracy",
            f"{loss:.2f}",
            "points",
            f'95% interval <span class="whole">{low:.2f} to {high:.2f}</span>',
        ),
        _tile("Model file", f"{ours.costs.bytes:,}", "bytes", f"{was}: {smaller} times that"),
        _tile(
            "One inference",
            microseconds(latency.median),
            "µs",
            f"{was}: {microseconds(base.costs.latency_us.median)} µs; medians of {latency.runs} runs",
        ),
    ]
    if report.arena:
        rows, whole = report.arena.rows.bytes, report.arena.whole.bytes
        tiles.insert(3, _tile("Memory as C", f"{rows:,}", "bytes", f"with whole tensors {whole:,}"))
    return grid("tiles", tiles)


def _tile(name: str, figure: str, unit: str, explained: str) -> str:
    return f"<div>{name}<strong>{figure} <small>{unit}</small></strong><small>{explained}</small></div>"


def _training(history: History) -> str:
    if not any(history.values()):
        return ""
    stages = [rows[0] for rows in history.values() if rows]
    names = ("Dice", "Loss") if all("dice" in row for row in stages) else ("Accuracy", "Loss")
    keys = ("validation", "training")
    figures = grid("pair", (drawing(name, keys, curves(history, name.lower())) for name in names))
    return figures + (_TEACHER if {"prune", "qat"} & set(history) else "")


def _keys(metrics: RunMetrics) -> list[str]:
    """Name the solid line, of the chosen variant, and the dashed one, of its reference, if there are two."""
    return [for_html(variant_title(name)) for name in dict.fromkeys((metrics.chosen, metrics.reference))]


def _two_classes(metrics: RunMetrics, counts: Mapping[str, CurveCounts]) -> str:
    rows = binary_rows(metrics)
    if rows is None or not counts:
        return ""
    chosen, reference = metrics.compared({name: of.curve() for name, of in counts.items()})
    figures = [
        drawing(name, _keys(metrics), parting(chosen, reference, kind))
        for name, kind in (("ROC", "ROC"), ("Precision and recall", "precision and recall"))
    ]
    said = (
        f"Positive is {for_html(metrics.classes[1])}. Sensitivity and specificity are those at the "
        "threshold, which each file carries: it has the highest balanced accuracy on the validation images. "
        "Intervals are 95%, by group."
    )
    return f"{text_table(*rows)}\n{note(said)}\n{grid('pair', figures)}"


def _classes(metrics: RunMetrics, confusion: Mapping[str, Confusion]) -> str:
    names = [for_html(name) for name in metrics.classes]
    shown = dict.fromkeys((metrics.reference, metrics.chosen))
    said = note("Small figures are shares of the actual class, or 95% intervals.")
    return grid("pair", (_card(variant, names, np.array(confusion[variant])) for variant in shown)) + said


def _card(variant: str, names: Sequence[str], confusion: Counts) -> str:
    matrix = table(
        ("actual ↓<br>predicted →", *names),
        ((name, _confusion_cells(row, confusion)) for row, name in enumerate(names)),
        "confusion",
    )
    rows = zip(names, map(_score_cells, class_scores(confusion)), strict=True)
    scores = table(("class", "images", "precision", "recall", "F1"), rows)
    return f'<div class="card"><h3>{for_html(variant_title(variant))}</h3>\n{matrix}\n{scores}</div>'


def _confusion_cells(row: int, confusion: Counts) -> Iterator[str]:
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
    interval = f"{100 * low:.1f}–{100 * high:.1f}"
    return f'{percent(estimate.value)}<small class="whole">{interval}</small>'


def _calibration(metrics: RunMetrics) -> str:
    rows = calibration_rows(metrics)
    calibrations = {
        variant.name: variant.scores.calibration
        for variant in metrics.variants
        if isinstance(variant.scores, ClassFigures) and variant.scores.calibration
    }
    if rows is None:
        return ""
    figure = drawing("Reliability", _keys(metrics), reliability(*metrics.compared(calibrations)))
    return grid("pair beside", (figure, f"<div>{text_table(*rows)}{_CALIBRATION}</div>"))


def _groups(metrics: RunMetrics, groups: GroupScores | None) -> str:
    """List the worst groups, beside how all of them spread."""
    if groups is None:
        return ""
    shown = list(dict.fromkeys((metrics.reference, metrics.chosen)))
    figure_of = "Dice" if metrics.masks else "accuracy"
    means = zip(*(groups.means[name] for name in shown), strict=True)
    rows = [
        (group, f"{images:,}", *map(percent, of))
        for group, images, of in zip(groups.names, groups.images, means, strict=True)
    ]
    listed = text_table(("group", "images", *map(variant_title, shown)), rows[:_GROUPS_SHOWN])
    worst = f"; these {_GROUPS_SHOWN} are the worst" if len(rows) > _GROUPS_SHOWN else ""
    sizes = " to ".join(f"{size:,}" for size in sorted({min(groups.images), max(groups.images)}))
    said = (
        f"{len(rows):,} groups of {sizes} images{worst}. They are ordered by where the 95% interval of their "
        "last figure ends, since a group of one image says little."
    )
    svg = spread(*metrics.compared(groups.means), figure_of)
    figure = drawing(f"{figure_of.capitalize()} of groups", _keys(metrics), svg)
    return grid("pair beside", (figure, f"<div>{listed}{note(said)}</div>"))


def _difference(sentence: str | None, pictures: str) -> str:
    return "" if sentence is None else f"<p>{for_html(sentence)}</p>\n{pictures}"


def _memory(arena: ArenaPlans | None) -> str:
    if arena is None:
        return ""
    plans = (("Row by row", arena.rows), ("With whole tensors", arena.whole))
    figures = (
        drawing(f"{name}: {plan.bytes:,} bytes; peak: {plan.busiest}", (), memory(plan, name.lower()))
        for name, plan in plans
    )
    return grid("pair", figures) + _MEMORY_KEYS + _MEMORY


def _findings(findings: Sequence[str]) -> str:
    items = "\n".join(f"<li>{for_html(text)}</li>" for text in findings)
    return f"<ul>\n{items}\n</ul>" if items else ""


def _details(record: Mapping[str, Any]) -> str:
    body = text_table(("name", "value"), _flat(record))
    return f"<details>\n<summary>Options, seeds and versions</summary>\n{body}\n</details>"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value if isinstance(value, str) else json.dumps(value)
