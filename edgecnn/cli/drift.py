# SPDX-License-Identifier: Apache-2.0
"""`edgecnn drift`: where the answers of two models part."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn import DISCLAIMER
from edgecnn.cli.console import FiniteRange, json_option, progress_bar, say, tell
from edgecnn.cli.tables import wide_option

if TYPE_CHECKING:
    from edgecnn.evaluation.drift import Drift

_MOST = 10_000  # inputs; all that operators make of them is kept


@click.command("drift")
@click.argument(
    "models", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN|TFLITE TFLITE..."
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Images as for train, of which test images are taken."
)
@click.option(
    "--inputs",
    type=click.IntRange(1, _MOST),
    default=16,
    show_default=True,
    help="Of those images, at most; without --data so many random inputs.",
)
@click.option(
    "--fail-below",
    type=FiniteRange(0, 1000),
    metavar="DB",
    help="Exit code 1 when an operator has a lower signal-to-noise ratio than that.",
)
@click.option("--save", type=click.Path(path_type=Path), metavar="FILE", help="Write the figures as JSON.")
@wide_option
@json_option
def command(
    models: tuple[Path, ...],
    data: Path | None,
    inputs: int,
    fail_below: float | None,
    save: Path | None,
    as_json: bool,
) -> None:
    """Find the operator where two models part that should compute the same.

    Each model is compared with the one before it, float or quantized, on the same inputs: of a RUN the int8
    model with the float one that it was made of. Operators are matched by name and shape, else by order. Of
    each it says the ratio of signal to noise in decibels, where 6 more are one bit, and what that is by
    itself, given the first model's values: the models part where it is below 20, or, of integers of the same
    scale, where anything differs. Known causes are named.

    \b
    Examples:
      edgecnn drift runs/first --data photos
      edgecnn drift model_float32.tflite model_int8.tflite --data photos
      edgecnn drift before.tflite after.tflite --inputs 100 --fail-below 30
    """
    from edgecnn.cli.console import print_json
    from edgecnn.evaluation.drift import as_json as all_json
    from edgecnn.files import write_json
    from edgecnn.pipeline.drift import drift

    named = _named(models)
    with progress_bar() as progress:
        drifts = drift(named, data, inputs, progress)
    if save is not None:
        write_json(save, all_json(drifts))
    if as_json:
        print_json(all_json(drifts))
    else:
        _print(drifts)
    ratios = [row.snr_db for each in drifts for row in each.operators if row.snr_db is not None]
    if fail_below is not None and min(ratios, default=fail_below) < fail_below:
        sys.exit(1)


def _named(models: tuple[Path, ...]) -> dict[str, Path]:
    from edgecnn.pipeline.drift import of_run
    from edgecnn.pipeline.run import Run

    if len(models) == 1 and models[0].is_dir():
        return of_run(Run(models[0]))
    if len(models) == 1:
        raise click.UsageError(f"there is nothing to compare {models[0]} with; give a run, or a second file")
    if folders := [model for model in models if model.is_dir()]:
        raise click.UsageError(f"{folders[0]} is a folder; give one run alone, or .tflite files")
    return {str(model): model for model in models}


def _print(drifts: list["Drift"]) -> None:
    from edgecnn.cli.tables import print_table
    from edgecnn.evaluation.drift import SPARE

    for drift in drifts:
        print_table(drift.title, *drift.table(), SPARE)
        tell(*drift.sentences())
    say(DISCLAIMER)
