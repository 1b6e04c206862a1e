# SPDX-License-Identifier: Apache-2.0
"""One HTML file on a data set before training: pictures, what is wrong with it, and how figures spread."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgecnn.data.check import Report
from edgecnn.data.dataset import PARTS
from edgecnn.data.findings import Finding, findings
from edgecnn.data.phantoms import is_phantom
from edgecnn.data.sheet import spread_over, tile
from edgecnn.escape import for_html
from edgecnn.evaluation.html import drawing, grid, note, page, png, synthetic, text_table
from edgecnn.evaluation.plots import RUN_COLOURS, densities
from edgecnn.files import write_text

_PICTURES = 12  # of each class
_SHORTCUTS = note(
    "How well a figure alone tells a class from the rest: 0.5 is not at all, 1 without fail. Where that is "
    "much, a model may learn nothing else."
)


def write_data_page(path: Path, source: str, report: Report) -> None:
    """Write what a check of the data set called `source` found as one self-contained HTML file.

    Raises:
        DataError: a picture can't be decoded.
        EdgecnnError: `path` can't be written.
    """
    dataset = report.dataset
    drawn = not dataset.numbers and is_phantom(dataset.samples[0].path)
    sections = {
        "Findings": _findings(findings(report)),
        "Images" if not dataset.numbers else "Samples": _counts(report),
        **({} if dataset.numbers else {f"Pictures: {for_html(name)}": _pictures(report, label)
                                       for label, name in enumerate(dataset.classes)}),
        "Figures that may give a class away": _aucs(report),
        "How these figures spread": _spreads(report),
    }  # fmt: skip
    count, classes = len(dataset.samples), len(dataset.classes)
    summary = f"{count:,} {'samples' if dataset.numbers else 'images'} in {classes:,} classes."
    write_text(path, page(f"Data check: {source}", summary, synthetic() if drawn else "", sections, ""))


def _findings(found: Sequence[Finding]) -> str:
    if not found:
        return "<p>Nothing found that makes training fail or its results lie.</p>"
    return "\n".join(
        f"<h3>{for_html(finding.title)} ({len(finding.lines):,})</h3>\n<p>{for_html(finding.meaning)}</p>\n"
        f"<ul>{''.join(f'<li>{for_html(line)}</li>' for line in finding.shown)}</ul>"
        for finding in found
    )


def _counts(report: Report) -> str:
    rows = [
        (name, *(f"{held[part]:,}" for part in PARTS), f"{sum(held.values()):,}")
        for name, held in report.counts.items()
    ]
    sizes = ", ".join(f"{size} ({count:,})" for size, count in list(report.sizes.items())[:_PICTURES])
    return text_table(("class", *PARTS, "total"), rows) + note(f"Sizes: {for_html(sizes)}")


def _pictures(report: Report, label: int) -> str:
    dataset = report.dataset
    figures = [
        f'<figure><img src="data:image/png;base64,{png(np.asarray(tile(sample.path, dataset.window)))}" '
        f'alt="{for_html(dataset.name(sample))}"></figure>'
        for sample in spread_over(dataset, label, _PICTURES)
    ]
    return grid("pictures", figures)


def _aucs(report: Report) -> str:
    rows = [(figure, *(f"{value:.2f}" for value in row.values())) for figure, row in report.aucs.items()]
    return text_table(("figure", *report.dataset.classes), rows) + _SHORTCUTS if rows else ""


def _spreads(report: Report) -> str:
    classes = report.dataset.classes
    if not report.aucs or len(classes) > RUN_COLOURS:
        return ""
    labels = np.array([sample.label for sample in report.dataset.samples])
    figures = (
        drawing(for_html(figure), (), densities([values[labels == i] for i in range(len(classes))], figure))
        for figure, values in report.figures.items()
        if values.min() < values.max()
    )
    keys = "".join(
        f'<span class="key" style="--validation: var(--run-{number})">{for_html(name)}</span>'
        for number, name in enumerate(classes)
    )
    return f"<p>{keys}</p>\n{grid('pair', figures)}"
