# SPDX-License-Identifier: Apache-2.0
"""Curves as SVG that takes its colours from the page around it, so that they follow light and dark."""

import re
from collections.abc import Mapping, Sequence
from io import StringIO

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from edgecnn.evaluation.accuracy import Floats
from edgecnn.evaluation.binary import Curve

History = Mapping[str, Sequence[Mapping[str, float]]]

# Matplotlib knows no CSS variables: it draws in these colours, which are then replaced.
_VALIDATION, _TRAINING, _TEXT, _LINE = "#010203", "#010204", "#010205", "#010206"
_VARIABLES = {_VALIDATION: "--validation", _TRAINING: "--training", _TEXT: "--muted", _LINE: "--line"}
_STYLE = {
    "svg.fonttype": "none",  # text stays text: small, searchable, in the font of the page
    "font.size": 10,
    "text.color": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.edgecolor": _LINE,
    "grid.color": _LINE,
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _TEXT,
    "ytick.labelcolor": _TEXT,
}


def curves(history: History, metric: str) -> str:
    """Draw a metric of training and validation by epoch, one stage after the other.

    Args:
        history: stage -> rows with epoch, loss, accuracy, val_loss, val_accuracy.
        metric: "accuracy", "dice" or "loss".

    Returns:
        An `<svg>` element that uses the CSS variables --validation, --training, --muted and --line.
    """
    # The salt makes ids repeat from run to run, and differ between two figures in one page.
    with rc_context({**_STYLE, "svg.hashsalt": metric}):
        figure = Figure(figsize=(4.8, 3.0), layout="constrained")
        axes = figure.add_subplot()
        start = 0
        for stage, rows in history.items():
            _draw_stage(axes, start, stage, rows, metric)
            start += len(rows)
        _finish(axes, start, metric)
        return _svg(figure, f"{metric} by epoch")


def parting(curves: Mapping[str, Curve], kind: str) -> str:
    """Draw how well each variant parts two classes at every threshold: the last one solid, others dashed.

    Args:
        curves: variant -> its counts; the first and the last are drawn.
        kind: "ROC" or "precision and recall".

    Returns:
        An `<svg>` element that uses the CSS variables --validation, --training, --muted and --line.
    """
    with rc_context({**_STYLE, "svg.hashsalt": kind}):
        figure = Figure(figsize=(4.8, 3.6), layout="constrained")
        axes = figure.add_subplot()
        shown = list(dict.fromkeys((next(iter(curves)), list(curves)[-1])))
        for name in shown:
            last = name == shown[-1]
            x, y = _points(curves[name], kind)
            colour, dashes = (_VALIDATION, "solid") if last else (_TRAINING, (0, (3, 2)))
            axes.plot(x, y, color=colour, linestyle=dashes, drawstyle="steps-post", clip_on=False)
        names = ("1 - specificity", "sensitivity") if kind == "ROC" else ("recall (sensitivity)", "precision")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=names[0], ylabel=names[1])
        axes.spines[["top", "left", "right"]].set_visible(False)
        axes.grid(linewidth=0.6)
        axes.tick_params(length=0)
        return _svg(figure, kind)


def _points(curve: Curve, kind: str) -> tuple[Floats, Floats]:
    if kind == "ROC":
        return curve.false_positive_rate, curve.sensitivity
    return curve.sensitivity, curve.precision


def _draw_stage(axes: Axes, start: int, stage: str, rows: Sequence[Mapping[str, float]], metric: str) -> None:
    epochs = range(start + 1, start + len(rows) + 1)
    for column, colour, dashes in ((metric, _TRAINING, (0, (3, 2))), (f"val_{metric}", _VALIDATION, "solid")):
        values = [row[column] for row in rows]
        axes.plot(epochs, values, color=colour, linestyle=dashes, marker="o", markersize=3, clip_on=False)
    axes.annotate(stage, (start + 0.6, 1.01), xycoords=("data", "axes fraction"), va="bottom")
    if start:
        axes.axvline(start + 0.5, color=_LINE, linewidth=1)


def _finish(axes: Axes, epochs: int, metric: str) -> None:
    axes.set_xlim(0.5, epochs + 0.5)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.grid(axis="y", linewidth=0.6)
    axes.tick_params(length=0)
    if metric != "loss":
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")


def _svg(figure: Figure, label: str) -> str:
    buffer = StringIO()
    # Without these four there is no <metadata>: no date, no version, nothing that changes by itself.
    figure.savefig(
        buffer, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
    )
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r' id="[a-z0-9.]+_\d+"', "", svg)  # the same in every figure, and nothing refers to them
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
