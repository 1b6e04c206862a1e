# SPDX-License-Identifier: Apache-2.0
"""Drawings as SVG that takes its colours from the page around it, so that they follow light and dark."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Any, Literal, TypeVar

import numpy as np

from edgecnn.errors import MissingToolError
from edgecnn.evaluation.accuracy import Floats, wilson
from edgecnn.evaluation.arena import ArenaPlan, Block
from edgecnn.evaluation.binary import Curve
from edgecnn.evaluation.calibration import Calibration

try:
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline
    from matplotlib.ticker import MaxNLocator
except ImportError as error:
    raise MissingToolError(
        f"the drawings of a report need Matplotlib, but {error.name} is missing here; "
        "install it with: pip install 'edgecnn[train]'"
    ) from error

_Drawn = TypeVar("_Drawn")

History = Mapping[str, Sequence[Mapping[str, float]]]

# Matplotlib knows no CSS variables: it draws in these colours, which are then replaced.
_VALIDATION, _TRAINING, _TEXT, _LINE, _CARD = "#010203", "#010204", "#010205", "#010206", "#010207"
_VARIABLES = {
    _VALIDATION: "--validation",
    _TRAINING: "--training",
    _TEXT: "--muted",
    _LINE: "--line",
    _CARD: "--card",
}
RUN_COLOURS = 6  # the page has variables --run-0 to --run-5
_RUNS = {f"#02030{number}": f"--run-{number}" for number in range(RUN_COLOURS)}
_BINS = 20
_DASHES = (0, (3, 2))
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
        An `<svg>` element that uses the CSS variables --validation, --training, --muted, --line and --card,
        as all drawings here are.
    """
    with _figure(metric, 3.0) as figure:
        axes = figure.add_subplot()
        start = 0
        for stage, rows in history.items():
            _draw_stage(axes, start, stage, rows, metric)
            start += len(rows)
        _finish(axes, start, metric)
        return _svg(figure, f"{metric} by epoch")


def overlaid(histories: Mapping[str, History], metric: str) -> str:
    """Draw a metric of validation of several runs, all stages of each in a row.

    Args:
        histories: of each run; the first has the colour --run-0, and dashes begin where colours do again.
        metric: "accuracy", "dice" or "loss".
    """
    with _figure(f"runs' {metric}", 3.6) as figure:
        axes = figure.add_subplot()
        longest = 0
        for number, history in enumerate(histories.values()):
            again, colour = divmod(number, RUN_COLOURS)
            values = [row[f"val_{metric}"] for rows in history.values() for row in rows]
            line = _DASHES if again else "solid"
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, values, color=list(_RUNS)[colour], linestyle=line, marker="o", markersize=3)
            longest = max(longest, len(values))
        _finish(axes, longest, metric)
        return _svg(figure, f"validation {metric} by epoch, of each run")


def parting(chosen: Curve, reference: Curve | None, kind: str) -> str:
    """Draw how well two classes are parted at every threshold: by the chosen variant and its reference.

    Args:
        chosen: its counts.
        reference: its counts; None where it is the chosen one itself.
        kind: "ROC" or "precision and recall".
    """
    with _figure(kind, 3.6) as figure:
        axes = figure.add_subplot()
        for curve, colour, dashes in _lines(chosen, reference):
            x, y = _points(curve, kind)
            axes.plot(x, y, color=colour, linestyle=dashes, drawstyle="steps-post", clip_on=False)
        names = ("1 - specificity", "sensitivity") if kind == "ROC" else ("recall (sensitivity)", "precision")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=names[0], ylabel=names[1])
        _bare(axes)
        return _svg(figure, kind)


def reliability(chosen: Calibration, reference: Calibration | None) -> str:
    """Draw how often a variant is right against how probable it says that it is, bin by bin.

    Args:
        chosen: what is drawn with Wilson's 95% intervals.
        reference: of the variant that it is compared with; None where that is itself.
    """
    with _figure("reliability", 3.6) as figure:
        axes = figure.add_subplot()
        axes.plot((0, 1), (0, 1), color=_LINE, linewidth=1)
        for calibration, colour, dashes in _lines(chosen, reference):
            bins = calibration.bins
            x, y = [held.probability for held in bins], [held.right for held in bins]
            images = [held.images for held in bins]
            axes.plot(x, y, color=colour, linestyle=dashes, linewidth=1, clip_on=False)
            axes.scatter(x, y, 200 * np.divide(images, sum(images)), color=colour, linewidth=0, clip_on=False)
            if dashes == "solid":
                ends = [wilson(round(held.right * held.images), held.images) for held in bins]
                axes.vlines(x, *zip(*ends, strict=True), color=colour, linewidth=1, alpha=0.5)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability of the answer", ylabel="share that is right")
        _bare(axes)
        return _svg(figure, "reliability diagram")


def spread(chosen: Sequence[float], reference: Sequence[float] | None, figure_of: str) -> str:
    """Draw how many groups have how high a figure: the chosen variant as bars, its reference dashed.

    Args:
        chosen: its figure of each group, 0 to 1.
        reference: as well; None where it is the chosen one itself.
        figure_of: what it is called.
    """
    edges = np.linspace(0, 1, 11)
    with _figure("groups", 3.6) as figure:
        axes = figure.add_subplot()
        for values, colour, dashes in _lines(chosen, reference):
            counts = np.histogram(values, edges)[0]
            solid = dashes == "solid"
            if solid:
                axes.stairs(counts, edges, fill=True, color=colour, alpha=0.35)
            axes.stairs(counts, edges, color=colour, linestyle=dashes, linewidth=1.5, clip_on=False)
        axes.set(xlim=(0, 1), xlabel=f"{figure_of} in the group", ylabel="groups")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.xaxis.set_major_formatter(_percent)
        _bare(axes)
        return _svg(figure, f"groups by {figure_of}")


def densities(classes: Sequence[Floats], figure_of: str) -> str:
    """Draw how a figure spreads over the images of each class, which has the colour --run-0 and so on.

    Args:
        classes: the figure of each image, for each of up to `RUN_COLOURS` classes.
        figure_of: what it is called.
    """
    edges = np.histogram_bin_edges(np.concatenate(list(classes)), _BINS)
    with _figure(figure_of, 2.6) as figure:
        axes = figure.add_subplot()
        for values, colour in zip(classes, _RUNS, strict=False):
            shares = np.histogram(values, edges)[0] / max(1, len(values))
            axes.stairs(shares, edges, color=colour, linewidth=1.5)
        axes.set(xlabel=figure_of, ylabel="share of the class")
        axes.yaxis.set_major_formatter(_percent)
        _bare(axes)
        return _svg(figure, f"{figure_of} by class")


def memory(plan: ArenaPlan, name: str) -> str:
    """Draw what holds which bytes of the arena from when to when, and mark when the most are held.

    Neighbouring steps differ in shade; working memory is grey.
    """
    with _figure(name, 3.0) as figure:
        axes = figure.add_subplot()
        for step, scratch in sorted({(block.step, block.scratch) for block in plan.blocks}):
            blocks = [block for block in plan.blocks if (block.step, block.scratch) == (step, scratch)]
            colour, alpha = (_TRAINING, 0.7) if scratch else (_VALIDATION, (0.35, 0.6, 0.85)[step % 3])
            outline = _outline(blocks)
            axes.add_patch(PathPatch(outline, facecolor=colour, alpha=alpha, edgecolor=_CARD, linewidth=0.4))
        axes.axvline(plan.peak + 0.5, color=_TEXT, linewidth=1, linestyle=_DASHES)
        axes.annotate("peak", (plan.peak + 0.5, 1.01), xycoords=("data", "axes fraction"), ha="center")
        axes.set(
            xlim=(0, plan.firings), ylim=(0, plan.bytes), xlabel="rows made so far", ylabel="bytes of RAM"
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=True))
            axis.set_major_formatter("{x:,.0f}")
        _bare(axes)
        return _svg(figure, f"memory over time, {name}")


def _outline(blocks: Sequence[Block]) -> Outline:
    """Return one outline of all blocks: as paths of their own they would make the page large."""
    return Outline.make_compound_path(
        *(
            Outline(
                [
                    (block.first, block.offset),
                    (block.last + 1, block.offset),
                    (block.last + 1, block.offset + block.size),
                    (block.first, block.offset + block.size),
                    (block.first, block.offset),
                ],
                closed=True,
            )
            for block in blocks
        )
    )


def _lines(chosen: _Drawn, reference: _Drawn | None) -> Iterator[tuple[_Drawn, str, Any]]:
    """Yield what is drawn in grey and dashed, then what with colour and solid; with colour and dashes."""
    if reference is not None:
        yield reference, _TRAINING, _DASHES
    yield chosen, _VALIDATION, "solid"


def _points(curve: Curve, kind: str) -> tuple[Floats, Floats]:
    if kind == "ROC":
        return curve.false_positive_rate, curve.sensitivity
    return curve.sensitivity, curve.precision


def _draw_stage(axes: Axes, start: int, stage: str, rows: Sequence[Mapping[str, float]], metric: str) -> None:
    epochs = range(start + 1, start + len(rows) + 1)
    for column, colour, dashes in ((metric, _TRAINING, _DASHES), (f"val_{metric}", _VALIDATION, "solid")):
        values = [row[column] for row in rows]
        axes.plot(epochs, values, color=colour, linestyle=dashes, marker="o", markersize=3, clip_on=False)
    axes.annotate(stage, (start + 0.6, 1.01), xycoords=("data", "axes fraction"), va="bottom")
    if start:
        axes.axvline(start + 0.5, color=_LINE, linewidth=1)


def _finish(axes: Axes, epochs: int, metric: str) -> None:
    axes.set_xlim(0.5, epochs + 0.5)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _bare(axes, grid="y")
    if metric != "loss":
        axes.yaxis.set_major_formatter(_percent)


def _percent(share: float, _: object) -> str:
    return f"{100 * share:g}%"


def _bare(axes: Axes, grid: Literal["both", "y"] = "both") -> None:
    """Leave of the frame what a reader needs."""
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.grid(axis=grid, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)


@contextmanager
def _figure(name: str, height: float) -> Iterator[Figure]:
    """Yield a figure as wide as half a page, `height` inches high, in the page's style."""
    # The salt makes ids repeat from run to run, and differ between two figures in one page.
    with rc_context({**_STYLE, "svg.hashsalt": name}):
        yield Figure(figsize=(4.8, height), layout="constrained")


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
    for colour, variable in {**_VARIABLES, **_RUNS}.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
