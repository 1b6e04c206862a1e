# SPDX-License-Identifier: Apache-2.0
"""`edgecnn data`: make the built-in pictures, or check one's own before training on them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.console import json_option, print_json, progress_bar, say, tell, whole, window_option
from edgecnn.cli.suggestions import Group
from edgecnn.cli.tables import print_table, wide_option
from edgecnn.values import PHANTOMS, SEED

if TYPE_CHECKING:
    from edgecnn.data.check import Report


@click.group(cls=Group)
def command() -> None:
    """Make the built-in pictures, or check your own before you train on them."""


@command.command(short_help="Write the built-in, synthetic pictures to a folder.")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--count", type=whole(PHANTOMS), default=6600, show_default=True,
    help="Images in all: 5 in 11 for training, 1 for validation, 5 for testing.",
)  # fmt: skip
@click.option("--seed", type=whole(SEED), default=0, show_default=True, help="Other seed, other pictures.")
@click.option(
    "--masks",
    is_flag=True,
    help="Folders images and masks, which show where a nodule is, in place of classes.",
)
@json_option
def phantoms(directory: Path, count: int, seed: int, masks: bool, as_json: bool) -> None:
    """Write the built-in data to DIRECTORY as PNG files: train, validation and test folders of three classes.

    They are synthetic 64x64 slices that look somewhat like a chest CT: normal, or with a benign or a
    malignant nodule. They show nobody; they are for research and education, not for diagnosis.
    """
    from edgecnn.data.phantoms import write_phantoms

    validation = count // 11
    train = (count - validation) // 2
    counts = {"train": train, "validation": validation, "test": count - validation - train}
    with progress_bar() as progress:
        write_phantoms(directory, counts, seed, progress, masks=masks)
    if as_json:
        print_json({"directory": str(directory), "synthetic": True, "images": counts})
    else:
        say(f"Wrote {count:,} synthetic pictures to {directory}.")


def _png(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value.suffix.lower() != ".png":
        raise click.BadParameter(f"a contact sheet is a PNG file; call it {value.stem}.png, not {value.name}")
    return value


@command.command(short_help="Look for duplicates, leakage, shortcuts and broken files.")
@click.argument("source", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--seed", type=whole(SEED), default=0, show_default=True, help="Of the split, if none is given."
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_png,
    help="Draw pictures of each class to this file.",
)
@click.option(
    "--report",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write one HTML file with pictures, findings and how figures spread.",
)
@window_option
@wide_option
@json_option
def check(source: Path, seed: int, sheet: Path | None, page: Path | None, window: str, as_json: bool) -> None:
    """Look through DIR (a folder, a .zip, a .csv or a .npz) for what makes training fail or its results lie.

    Reports classes, counts and sizes; files that can't be read; pictures that occur twice, exactly or
    nearly, above all in two parts (leakage) or in two classes; class imbalance; which values images of more
    than 8 bits use; and shortcuts: a class that file size, image size, mean or noise (median absolute
    Laplacian) alone gives away, with an AUC of 0.85 or more, the class against the rest. Without train,
    validation and test folders it looks at the split that training would make. Of numbers: samples that
    are equal, windows that overlap, and channels that never change. Of more than 12,000 images, those that
    are nearly the same are found by keys; a few that are just similar enough may be missed.
    """
    from edgecnn.data.check import check as look_through
    from edgecnn.data.dataset import open_dataset, with_window
    from edgecnn.data.sheet import draw_sheet
    from edgecnn.errors import DataError

    if page:  # its drawings need Matplotlib, which is missed before anything is measured
        from edgecnn.evaluation.data_page import write_data_page

    with progress_bar() as progress:
        dataset = open_dataset(source, seed=seed, progress=progress)
        if dataset.numbers and sheet:
            raise DataError(
                f"{source} holds numbers, of which there are no pictures to draw: leave out --sheet"
            )
        dataset = dataset if dataset.numbers else with_window(dataset, window, progress)
        if sheet:
            draw_sheet(dataset, sheet)
        report = look_through(dataset, progress)
    if page:
        write_data_page(page, source.name, report)
    if as_json:
        print_json(report.to_json())
    else:
        _print(report)


def _print(report: "Report") -> None:
    from edgecnn.data.dataset import PARTS
    from edgecnn.data.findings import SHOWN, findings

    counts = [
        [name, *(f"{held[part]:,}" for part in PARTS), f"{sum(held.values()):,}"]
        for name, held in report.counts.items()
    ]
    print_table("Images", ("class", *PARTS, "total"), counts)
    aucs = [[figure, *(f"{value:.2f}" for value in row.values())] for figure, row in report.aucs.items()]
    if aucs:
        print_table("AUC, a class against the rest", ("figure", *report.dataset.classes), aucs)
    sizes = [f"{size} ({count:,})" for size, count in report.sizes.items()]
    tell(f"Sizes: {', '.join(sizes[:SHOWN])}{' ...' if len(sizes) > SHOWN else ''}")
    found = findings(report)
    for finding in found:
        tell("", f"{finding.title} ({len(finding.lines):,}): {finding.meaning}")
        say(*(f"  {line}" for line in finding.shown))
        if more := len(finding.lines) - len(finding.shown):
            say(f"  and {more:,} more; --json lists them all")
    if not found:
        say("Nothing found that makes training fail or its results lie.")
