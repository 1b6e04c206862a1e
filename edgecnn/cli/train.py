# SPDX-License-Identifier: Apache-2.0
"""`edgecnn train`."""

from pathlib import Path

import click

from edgecnn.cli.console import FiniteRange, json_option, print_metrics, progress_bar


@click.command("train")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of class folders (or train/, validation/, test/ of those), a zip of it, or a CSV file.",
)
@click.option("--model", default="cainvas", show_default=True, help="Architecture.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Run folder to make.")
@click.option("--epochs", type=click.IntRange(1), help="At most so many passes over the images.")
@click.option("--batch-size", type=click.IntRange(1), help="Images per step.")
@click.option("--optimizer", type=click.Choice(["adam", "rmsprop", "sgd"]), help="Kind of step.")
@click.option("--learning-rate", type=FiniteRange(0, min_open=True), help="Size of a step.")
@click.option(
    "--patience", type=click.IntRange(1), help="Stop after so many epochs without a lower validation loss."
)
@click.option(
    "--class-weights",
    type=click.Choice(["none", "balanced"]),
    default="none",
    show_default=True,
    help="balanced: rare classes count as much as frequent ones.",
)
@click.option(
    "--augment",
    default="",
    metavar="LIST",
    help="Random changes of training images: rotation=10,shift=0.1,zoom=0.1,shear=0.1,brightness=0.1,flip.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Of the split, the weights and the order.",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="The result depends on it in the last bits, so it is fixed.",
)
@click.option("--strict", is_flag=True, help="Refuse files that can't be decoded, in place of skipping them.")
@click.option("--resume", is_flag=True, help="Go on from the last finished epoch of an interrupted training.")
@json_option
def command(out: Path, resume: bool, as_json: bool, **options: object) -> None:
    """Train a compact CNN on a folder of images.

    Leaves a run folder: model.keras, model_float32.tflite, labels.txt, history.csv, metrics.json,
    report.html and run.json. Options that are not given are the architecture's own. The same seed on the
    same machine gives the same bytes.

    \b
    Examples:
      edgecnn train --data photos --out runs/first
      edgecnn train --data scans.csv --out runs/ct --class-weights balanced --augment rotation=10,shift=0.1
    """
    from edgecnn.pipeline.train import TrainOptions, train

    with progress_bar() as progress:
        run = train(out, TrainOptions(**options), progress, resume=resume)  # type: ignore[arg-type]
    print_metrics(run.metrics(), as_json, report=run.report_file)
