# SPDX-License-Identifier: Apache-2.0
"""report.html: one file that shows a whole run and needs nothing but a browser."""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from io import BytesIO
from math import sqrt
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgecnn import __version__
from edgecnn.evaluation.accuracy import ClassScores, Estimate, class_scores
from edgecnn.evaluation.binary import Curve
from edgecnn.evaluation.plots import History, curves, parting
from edgecnn.evaluation.summary import (
    baseline_note,
    binary_rows,
    latency_note,
    microseconds,
    percent,
    summary_rows,
    variant_title,
)
from edgecnn.files import write_text

Confusion = npt.NDArray[np.int64]  # (classes, classes), actual by predicted

_LARGEST_PICTURE = 256  # pixels; a report of large photographs should still be small enough to mail
_SYNTHETIC = """<p class="notice"><strong>The pictures are synthetic.</strong> They are phantoms, drawn by
edgecnn itself, and show no patient. The figures say how well the tools work, not how well a model does on
real images.</p>"""


@dataclass(frozen=True)
class Example:
    """A test picture and the answer of the last variant in the metrics."""

    image: npt.NDArray[np.uint8]  # (h, w), (h, w, 1) or (h, w, 3)
    actual: int  # index of the class
    predicted: int
    probability: float  # of the predicted class, 0 to 1


@dataclass(frozen=True)
class MaskExample:
    """A test picture with its mask and that of the last variant in the metrics."""

    image: npt.NDArray[np.uint8]  # (h, w, 1) or (h, w, 3)
    actual: npt.NDArray[np.bool_]  # (h, w, 1)
    predicted: npt.NDArray[np.bool_]  # (h, w, 1)
    dice: float  # 0 to 1


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
    examples: Sequence[Example | MaskExample]
    findings: Sequence[str]  # of the data check, one sentence each
    run: Mapping[str, Any]  # the content of run.json: options, seed, versions, fingerprint


def write_report(path: Path, report: RunReport) -> None:
    """Write `report` to `path` as one self-contained HTML file; the same report gives the same bytes.

    Raises:
        EdgecnnError: `path` can't be written.
    """
    template = Template(files(__package__).joinpath("report.html").read_text(encoding="utf-8"))
    sections = {
        "Data check": _findings(report.findings),
        "Results": _results(report.metrics),
        "Training": _training(report.history),
        "Two classes": _two_classes(report),
        "Class by class": _classes(report),
        "Test pictures": _pictures(report),
    }
    page = template.substitute(
        title=escape(report.title),
        summary=escape(report.summary),
        synthetic=_SYNTHETIC if report.synthetic else "",
        sections="\n".join(_section(title, body) for title, body in sections.items() if body),
        details=_details(report),
        version=escape(__version__),
    )
    write_text(path, page)


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n{body}\n</section>"


def _table(columns: Iterable[str], rows: Iterable[tuple[str, Iterable[str]]], css: str = "") -> str:
    """Make a table of HTML: `rows` holds the header of each row and its `<td>` cells."""
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    body = "\n".join(f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>' for name, cells in rows)
    return (
        f'<div class="scroll"><table class="{css}">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _cells(texts: Iterable[str]) -> list[str]:
    return [f"<td>{text}</td>" for text in texts]


def _results(metrics: Mapping[str, Any]) -> str:
    columns, rows = summary_rows(metrics)
    reference = escape(rows[0][0])
    note = (
        f"On {metrics['test_images']:,} test images. Loss and agreement are against {reference} on the same "
        "images; a loss comes with its 95% interval, and a negative one is a gain. "
        + escape(f"{latency_note(metrics)} {baseline_note(metrics)}".strip())
    )
    table = _table(columns, ((escape(name), _cells(texts)) for name, *texts in rows))
    return f'{_tiles(metrics["variants"])}\n{table}\n<p class="muted">{note}</p>'


def _tiles(variants: Mapping[str, Any]) -> str:
    """Say in four figures what compression cost and brought: the last variant against the first."""
    if len(variants) < 2:
        return ""
    (first, base), *_, (last, ours) = variants.items()
    was, now = escape(variant_title(first)), escape(variant_title(last))
    name, value = ("Dice", "dice_per_image") if "dice" in ours else ("Accuracy", "accuracy")
    loss = "dice_loss" if "dice" in ours else "accuracy_loss"
    low, high = ours[f"{loss}_ci95"]
    latency = ours["latency_us"]
    smaller = f"{base['bytes'] / ours['bytes']:.1f}"
    tiles = (
        (name, percent(_value(ours[value])), f"{now}; {was} {percent(_value(base[value]))}"),
        (f"Loss of {name}", f"{ours[loss]:.2f} points", f"95% interval {low:.2f} to {high:.2f}"),
        ("Model file", f"{ours['bytes']:,} bytes", f"{was}: {smaller} times that"),
        ("One inference", f"{microseconds(latency['median'])} µs", f"median of {latency['runs']} runs"),
    )
    return _grid("tiles", (f"<div>{a}<strong>{b}</strong><small>{c}</small></div>" for a, b, c in tiles))


def _value(figure: Any) -> float:
    """Return a figure that may come with an interval."""
    return float(figure["value"] if isinstance(figure, Mapping) else figure)


def _grid(css: str, items: Iterable[str]) -> str:
    return f'<div class="{css}">\n' + "\n".join(items) + "\n</div>"


_TEACHER = (
    '\n<p class="muted">While pruning and QAT the float model is the teacher: training accuracy then tells '
    "how often its answer was learned. Validation is against the labels throughout.</p>"
)


def _training(history: History) -> str:
    if not any(history.values()):
        return ""
    stages = [rows[0] for rows in history.values() if rows]
    names = ("Dice", "Loss") if all("dice" in row for row in stages) else ("Accuracy", "Loss")
    figures = _grid("pair", (_figure(name, curves(history, name.lower())) for name in names))
    return figures + (_TEACHER if {"prune", "qat"} & set(history) else "")


def _figure(name: str, svg: str) -> str:
    keys = '<span class="key">validation</span><span class="key training">training</span>'
    return f'<figure class="card"><figcaption>{name}{keys}</figcaption>{svg}</figure>'


def _two_classes(report: RunReport) -> str:
    table = binary_rows(report.metrics)
    if table is None or not report.curves:
        return ""
    columns, rows = table
    first, *others = (escape(variant_title(name)) for name in report.curves)
    keys = f'<span class="key">{(others or [first])[-1]}</span>'
    keys += f'<span class="key training">{first}</span>' if others else ""
    figures = [
        f'<figure class="card"><figcaption>{name}{keys}</figcaption>{parting(report.curves, kind)}</figure>'
        for name, kind in (("ROC", "ROC"), ("Precision and recall", "precision and recall"))
    ]
    note = (
        f"Positive is {escape(report.metrics['classes'][1])}. Sensitivity and specificity are those at the "
        "threshold, which each file carries: it has the highest balanced accuracy on the validation images. "
        "Intervals are 95%, by group."
    )
    html = _table(columns, ((escape(name), _cells(texts)) for name, *texts in rows))
    return f'{html}\n<p class="muted">{note}</p>\n{_grid("pair", figures)}'


def _classes(report: RunReport) -> str:
    names = [escape(name) for name in report.metrics["classes"]]
    variants = list(report.confusion)
    if not variants:
        return ""
    shown = dict.fromkeys((variants[0], variants[-1]))
    note = '<p class="muted">Small figures are shares of the actual class, or 95% intervals.</p>'
    return _grid("pair", (_card(variant, names, report.confusion[variant]) for variant in shown)) + note


def _card(variant: str, names: Sequence[str], confusion: Confusion) -> str:
    matrix = _table(
        ("actual ↓<br>predicted →", *names),
        ((name, _confusion_cells(row, confusion)) for row, name in enumerate(names)),
        "confusion",
    )
    rows = zip(names, map(_score_cells, class_scores(confusion)), strict=True)
    scores = _table(("class", "images", "precision", "recall", "F1"), rows)
    return f'<div class="card"><h3>{escape(variant_title(variant))}</h3>\n{matrix}\n{scores}</div>'


def _confusion_cells(row: int, confusion: Confusion) -> Iterator[str]:
    """Shade each count by its share of the row, hits in one hue, misses in another; a few misses show."""
    total = max(1, int(confusion[row].sum()))
    for column, count in enumerate(confusion[row].tolist()):
        hue = "hit" if column == row else "miss"
        shade = f"background: rgb(var(--{hue}) / {0.55 * sqrt(count / total):.3f})"
        yield f'<td style="{shade}">{count:,}<small>{percent(count / total)}</small></td>'


def _score_cells(scores: ClassScores) -> list[str]:
    estimates = map(_estimate, (scores.precision, scores.recall, scores.f1))
    return _cells((f"{scores.images:,}", *estimates))


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    low, high = estimate.ci95
    return f"{percent(estimate.value)}<small>{100 * low:.1f}–{100 * high:.1f}</small>"


def _pictures(report: RunReport) -> str:
    names = [escape(name) for name in report.metrics["classes"]]
    figures = [
        _overlay(one)
        if isinstance(one, MaskExample)
        else _picture(one, names[one.actual], names[one.predicted])
        for one in report.examples
    ]
    note = _OVERLAY_NOTE if any(isinstance(one, MaskExample) for one in report.examples) else ""
    return _grid("pictures", figures) + note if figures else ""


_OVERLAY_NOTE = (
    '<p class="muted">Green: in both masks. Red: marked, and there is nothing. '
    "Blue: there is something, and it is not marked.</p>"
)
_BOTH, _FALSE, _MISSED = (40, 190, 110), (230, 70, 40), (60, 120, 255)


def _overlay(example: MaskExample) -> str:
    """Colour a picture by how two masks match, half transparent."""
    picture = np.repeat(example.image, 3 // example.image.shape[2], axis=2).astype(np.float32)
    hits, marked = example.actual & example.predicted, example.predicted
    for where, colour in ((hits, _BOTH), (marked & ~hits, _FALSE), (example.actual & ~hits, _MISSED)):
        picture = np.where(where, (picture + colour) / 2, picture)
    share = f"{percent(float(example.actual.mean()))} is foreground"
    image = f'<img src="{_data_uri(picture.astype(np.uint8))}" alt="overlay of two masks, {share}">'
    return f"<figure>{image}<figcaption>Dice {percent(example.dice)}<br>{share}</figcaption></figure>"


def _picture(example: Example, actual: str, predicted: str) -> str:
    css, mark = ("right", "✓") if example.actual == example.predicted else ("wrong", "✗")
    answer = f'<span class="{css}">{mark} predicted: {predicted}, {percent(example.probability)}</span>'
    image = f'<img src="{_data_uri(example.image)}" alt="{actual}, predicted {predicted}">'
    return f"<figure>{image}<figcaption>actual: {actual}<br>{answer}</figcaption></figure>"


def _data_uri(image: npt.NDArray[np.uint8]) -> str:
    picture = Image.fromarray(image.squeeze(-1) if image.shape[2:] == (1,) else image)
    picture.thumbnail((_LARGEST_PICTURE, _LARGEST_PICTURE))
    buffer = BytesIO()
    picture.save(buffer, "png")
    return "data:image/png;base64," + b64encode(buffer.getvalue()).decode()


def _findings(findings: Sequence[str]) -> str:
    items = "\n".join(f"<li>{escape(text)}</li>" for text in findings)
    return f"<ul>\n{items}\n</ul>" if items else ""


def _details(report: RunReport) -> str:
    rows = _flat({"data": report.metrics["data"], **report.run})
    table = _table(("name", "value"), ((escape(name), _cells((escape(value),))) for name, value in rows))
    return f"<details>\n<summary>Options, seeds and versions</summary>\n{table}\n</details>"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value if isinstance(value, str) else json.dumps(value)
