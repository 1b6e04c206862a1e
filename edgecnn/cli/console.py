# SPDX-License-Identifier: Apache-2.0
"""What commands print: tables, progress and JSON, the same way everywhere."""

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from edgecnn import DISCLAIMER
from edgecnn.cli.suggestions import Choice
from edgecnn.cli.tables import print_table, terminal_width
from edgecnn.escape import for_terminal
from edgecnn.progress import LOGGER, Progress, silent
from edgecnn.values import FITS, ORDERS, RESIZES, SIDE, Between, amount

if TYPE_CHECKING:
    from edgecnn.evaluation.results import Metrics

_SECONDS_BETWEEN_LINES = 5
_SKIPPED_SHOWN = 5  # metrics.json has them all
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


class FiniteRange(click.FloatRange):
    """A range of numbers; click's own lets "nan" through every range, and "inf" through an open one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number that `value` says, as click asks of its types."""
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def whole(bounds: Between, least: int | None = None) -> click.IntRange:
    """Return the type of an option that takes a whole number within bounds, or from `least` on."""
    return click.IntRange(int(bounds.least) if least is None else least, int(bounds.greatest))


class Amount(click.ParamType[int]):
    """A number such as 20000, 20K or 1M."""

    name = "amount"

    def __init__(self, kilo: int, unit: str) -> None:
        """Choose what a K stands for: 1024 of bytes, 1000 of what is counted."""
        self._kilo, self._unit = kilo, unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number that `value` says, as click asks of its types."""
        number = amount(str(value), self._kilo)
        if number is None:
            self.fail(f"{value!r} is no size; write {self._unit} with K or M, such as 20K", param, ctx)
        return number


BYTES, COUNT = Amount(1024, "bytes, or a number"), Amount(1000, "a number, or one")


class ImageSize(click.ParamType[tuple[int, int]]):
    """A height and width: "96" or "96x128"."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return the height and width that `value` says, as click asks of its types."""
        match = re.fullmatch("([0-9]{1,9})(?:x([0-9]{1,9}))?", str(value).lower())
        if match is None:
            self.fail(f"{value} is no size; give pixels, such as 96 or 96x128 (height x width).", param, ctx)
        height, width = int(match[1]), int(match[2] or match[1])
        if not all(SIDE.least <= side <= SIDE.greatest for side in (height, width)):
            self.fail(f"{value} is no size; a side has {SIDE.least} to {SIDE.greatest} pixels.", param, ctx)
        return height, width


_NETWORK_OPTIONS = (
    click.option(
        "--input-size",
        type=ImageSize(),
        metavar="N|HxW",
        help="Pixels of the network's input, or sides of a map of numbers.",
    ),
    click.option("--channels", type=Choice([1, 3]), help="1: grey, 3: RGB."),
    click.option(
        "--width",
        type=FiniteRange(0, 4, min_open=True),
        default=1.0,
        show_default=True,
        help="Of the network: 0.5 halves the channels of each layer.",
    ),
)


class WindowChoice(click.ParamType[str]):
    """A window, LOW:HIGH, or "auto"."""

    name = "window"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return what `value` says as run.json has it, as click asks of its types."""
        from edgecnn.data.window import parse_choice
        from edgecnn.errors import DataError

        try:
            return parse_choice(value)
        except DataError as error:
            self.fail(f"{error}.", param, ctx)


_NORMALIZATION_OPTIONS = (
    click.option(
        "--input-range",
        default="",
        metavar="LOW:HIGH",
        help="What black and white are to a network of your own, such as -1:1 or 0:255.  [default: as its "
        "first layers, metadata or scale say]",
    ),
    click.option(
        "--mean",
        default="",
        metavar="R,G,B",
        help="Or what is taken from each pixel first, as parts of white,",
    ),
    click.option("--std", default="", metavar="R,G,B", help="and what it is divided by then."),
)


def normalization_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what a picture is to a network."""
    for option in reversed(_NORMALIZATION_OPTIONS):
        command = option(command)
    return command


def fitting_options(defaults: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what adds the options that say how a picture becomes pixels, with or without defaults."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for name, choices, text in reversed(_FITTING_OPTIONS):
            default = choices[0] if defaults else None
            option = click.option(
                name, type=Choice(choices), default=default, show_default=defaults, help=text
            )
            command = option(command)
        return command

    return add


_FITTING_OPTIONS = (
    (
        "--fit",
        FITS,
        "How pictures of another shape than the network's input become it: squash, as they are; crop, the "
        "middle (the shortest axis fits); pad, the whole between black bars (the longest fits).",
    ),
    (
        "--resize",
        RESIZES,
        "triangle: a filter that doesn't alias; bilinear: two pixels by two, as tf.image.resize and "
        "image_dataset_from_directory do it, and networks trained elsewhere mostly saw pictures.",
    ),
    (
        "--channels-order",
        ORDERS,
        "Of a network of your own: BGR where it learned from blue, green, red (OpenCV's). --mean and --std "
        "stay red, green, blue.",
    ),
)


window_option = click.option(
    "--window",
    type=WindowChoice(),
    default="needed",
    metavar="LOW:HIGH|auto",
    help="Of images of more than 8 bits, which values become black to white; auto: those that the training "
    "images use. Of numbers, the range of all channels, in place of that of each.  "
    "[default: auto, where 16 bits would lose too much by their upper byte]",
)


def network_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose the size of a network."""
    for option in reversed(_NETWORK_OPTIONS):
        command = option(command)
    return command


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a command's options that were given, and not left to their defaults."""
    context = click.get_current_context()
    return {
        name: value
        for name, value in options.items()
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }


def print_json(value: Any) -> None:
    """Print `value` as JSON on standard output."""
    print(json.dumps(value, indent=2, allow_nan=False))


def say(*lines: str, error: bool = False) -> None:
    """Print lines of text, whatever names are in them, on standard output, or standard error, at once."""
    for line in lines:
        print(for_terminal(line), file=sys.stderr if error else sys.stdout, flush=True)


def tell(*sentences: str) -> None:
    """Print sentences on standard output; a terminal shows no word of them in two lines."""
    for sentence in sentences:
        line = for_terminal(sentence)
        say(*(wrap(line, terminal_width(), break_long_words=False, break_on_hyphens=False) or [line]))


def print_metrics(metrics: "Metrics", as_json: bool = False, report: Path | None = None) -> None:
    """Print figures: the table of variants, or the content of metrics.json."""
    if as_json:
        print_json(metrics.as_json())
        return
    from edgecnn.evaluation.results import RunMetrics
    from edgecnn.evaluation.summary import (
        SPARE_BINARY_COLUMNS,
        SPARE_COLUMNS,
        SPARE_DEVICE_COLUMNS,
        baseline_note,
        binary_rows,
        device_rows,
        fit_sentences,
        headline,
        latency_note,
        summary_rows,
    )

    columns, rows = summary_rows(metrics)
    kind = "synthetic test images" if metrics.data["synthetic"] else "test images"
    told = "masks" if metrics.masks else f"{len(metrics.classes)} classes"
    print_table(f"{metrics.test_images:,} {kind}, {told}", columns, rows, SPARE_COLUMNS)
    tell(latency_note(metrics))
    if on_device := device_rows(metrics):
        print_table("On a device", *on_device, SPARE_DEVICE_COLUMNS)
    tell(*fit_sentences(metrics))
    if sentence := headline(metrics):
        tell(sentence)
    if baseline := baseline_note(metrics):
        tell(baseline)
    if positive := binary_rows(metrics):
        print_table(f"Positive: {metrics.classes[1]}", *positive, SPARE_BINARY_COLUMNS)
    if isinstance(metrics, RunMetrics) and metrics.post_training:
        left = ", ".join(metrics.post_training)
        tell(f"Quantized after training only, as the toolkit can't train them: {left}")
    if window := metrics.data.get("window"):
        tell(f"Images of more than 8 bits are seen through the window {window}, which goes with the model.")
    if skipped := metrics.data.get("skipped"):
        named = ", ".join(skipped[:_SKIPPED_SHOWN]) + (" ..." if len(skipped) > _SKIPPED_SHOWN else "")
        tell(f"Skipped {len(skipped):,} files that can't be decoded ('edgecnn data check' says why): {named}")
    if report:
        say(f"Report: {report}")
    say(DISCLAIMER)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a Progress on standard error: bars with the time left on a terminal, else plain lines.

    What is told in between is a line by itself there.
    """
    console = Console(stderr=True)
    with _printing(console), _progress(console) as progress:
        yield progress


@contextmanager
def terminal_bar() -> Iterator[Progress]:
    """Yield a Progress that shows bars on a terminal, and elsewhere nothing: for what rarely takes long."""
    if not sys.stderr.isatty():
        yield silent
        return
    with progress_bar() as progress:
        yield progress


@contextmanager
def _printing(console: Console) -> Iterator[None]:
    """Print what library code tells by `progress.say`."""

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            console.print(for_terminal(record.getMessage()), markup=False, highlight=False, soft_wrap=True)

    lines, propagate = Lines(), LOGGER.propagate
    LOGGER.addHandler(lines)
    LOGGER.propagate = False
    try:
        yield
    finally:
        LOGGER.removeHandler(lines)
        LOGGER.propagate = propagate


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    if not console.is_terminal:
        yield _PlainLines()
        return
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Bars(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def show(step: str, done: int, total: int, note: str = "") -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total, note="")
            bars.update(tasks[step], completed=done, total=total, note=for_terminal(note))

        yield show


class _PlainLines:
    """Prints a line when a step ends, and while it lasts every few seconds, so that a log stays short."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, step: str, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if done == total or now - self._last > _SECONDS_BETWEEN_LINES:
            self._last = now
            say(f"{step}: {done}/{total} {for_terminal(note)}".rstrip(), error=True)
