# SPDX-License-Identifier: Apache-2.0
"""`edgecnn train`."""

from pathlib import Path

import click

from edgecnn.cli.console import (
    FiniteRange,
    fitting_options,
    given_options,
    json_option,
    network_options,
    normalization_options,
    print_metrics,
    progress_bar,
    say,
    whole,
    window_option,
)
from edgecnn.cli.suggestions import Choice
from edgecnn.cli.tables import wide_option
from edgecnn.values import BATCH, EPOCHS, RATE, SEED, THREADS


@click.command("train")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of class folders, or of images/ and masks/ (or train/, validation/, test/ of those), a zip "
    "of it, a folder of MNIST's IDX files, or a CSV file; of numbers, .npy or .csv files in folders, a .npz "
    "of x and y, or a CSV file with a label in each row.  [required without --resume]",
)
@click.option(
    "--model",
    default="cainvas",
    show_default=True,
    help="A network of 'edgecnn models', FILE.py:FUNCTION, which runs as your own code, or a .keras, .h5 or "
    ".onnx file, which is refused where it would run any.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Run folder to make.")
@network_options
@click.option(
    "--weights", metavar="imagenet|none|FILE", help="To begin with; with any, the base stays as it is."
)
@click.option(
    "--fine-tune-epochs",
    type=whole(EPOCHS, 0),
    default=0,
    show_default=True,
    help="Passes after these with the base trained too, in smaller steps.",
)
@click.option("--epochs", type=whole(EPOCHS), help="At most so many passes over the images.")
@click.option("--batch-size", type=whole(BATCH), help="Images per step.")
@click.option("--optimizer", type=Choice(["adam", "rmsprop", "sgd"]), help="Kind of step.")
@click.option("--learning-rate", type=FiniteRange(RATE.least, RATE.greatest), help="Size of a step.")
@click.option(
    "--loss",
    type=Choice(["crossentropy", "focal", "dice", "weighted"]),
    help="focal: hard images count for more; for masks, dice: overlap, weighted: few pixels count as many.",
)
@click.option("--patience", type=whole(EPOCHS), help="Stop after so many epochs without a better one.")
@click.option(
    "--reduce-patience",
    type=whole(EPOCHS),
    help="Halve the learning rate after so many epochs without a lower validation loss.",
)
@click.option(
    "--target-accuracy", type=FiniteRange(0, 1), help="Stop at that accuracy on the validation images."
)
@click.option(
    "--class-weights",
    type=Choice(["none", "balanced"]),
    help="balanced: rare classes count as much as frequent ones.",
)
@click.option(
    "--sampling",
    type=Choice(["all", "balanced"]),
    help="balanced: each pass shows as many images of each class, others in every pass.",
)
@click.option(
    "--augment",
    metavar="LIST",
    help="Random changes of training images, such as rotation=10,shift=0.1,flip (zoom, shear and brightness "
    "are the others), or none.",
)
@click.option(
    "--seed",
    type=whole(SEED),
    default=0,
    show_default=True,
    help="Of the split, the weights and the order.",
)
@click.option(
    "--threads",
    type=whole(THREADS),
    default=2,
    show_default=True,
    help="The result depends on it in the last bits, so it is fixed.",
)
@click.option(
    "--mixed-precision",
    is_flag=True,
    help="Compute in float16 where that is accurate enough; made for GPUs, but not measured on one yet.",
)
@click.option(
    "--strategy",
    type=Choice(["none", "mirrored", "multi-worker"]),
    default="none",
    show_default=True,
    help="mirrored: all GPUs of this machine; multi-worker: all processes that TF_CONFIG names.",
)
@normalization_options
@fitting_options(defaults=True)
@window_option
@click.option("--strict", is_flag=True, help="Refuse files that can't be decoded, in place of skipping them.")
@click.option(
    "--resume",
    is_flag=True,
    help="Go on from the last epoch of an interrupted training; its options are in the run folder.",
)
@wide_option
@json_option
def command(out: Path, resume: bool, as_json: bool, **options: object) -> None:
    """Train a compact CNN on a folder of images, or on numbers: windows of sensors, spectrograms, tables.

    Leaves a run folder: model.keras, model_float32.tflite, labels.txt, history.csv, metrics.json,
    evidence.json, run.json, and what is made of them: report.html and model_card.md. Options that are not
    given are the architecture's own ('edgecnn models NAME' shows them). The same seed on the same machine
    gives the same bytes. Numbers are scaled by the range of each channel in the training samples, which
    travels in the run and in the .tflite; FILE.py:FUNCTION is given the shape of a sample.

    \b
    Examples:
      edgecnn train --data photos --out runs/first
      edgecnn train --data scans.csv --out runs/ct --class-weights balanced --augment rotation=10,shift=0.1
      edgecnn train --data moles --model melanoma-v2 --input-size 96 --out runs/moles
      edgecnn train --data windows.npz --model net.py:build --out runs/gestures
      edgecnn train --resume --out runs/moles

    On several machines, the same command runs on each, with --strategy multi-worker and the same images; the
    environment variable TF_CONFIG, as TensorFlow defines it, says which machines there are and which this is.
    Each waits until all have started. The chief, the first one, leaves the run folder. Where one fails or is
    lost the others end as well: start each again with --resume.
    """
    from edgecnn.pipeline.run.options import TrainOptions, check_train, resumed_training

    if resume and (options["data"] is None or (out / "run.json").exists()):
        chosen = resumed_training(out, given_options(options))
    elif options["data"] is None:
        raise click.UsageError("Missing option '--data'.", click.get_current_context())
    else:
        chosen = TrainOptions(**options)  # type: ignore[arg-type]
    check_train(out, chosen, resume=resume)
    from edgecnn.pipeline.train import train

    if chosen.mixed_precision:
        _warn_without_gpu()
    with progress_bar() as progress:
        run = train(out, chosen, progress, resume=resume)
    if run is None:
        say("This worker is done; the chief writes the run folder.", error=True)
        return
    print_metrics(run.metrics(), as_json, report=run.report_file)


def _warn_without_gpu() -> None:
    from edgecnn.tf import quiet, tf

    with quiet():
        gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        say("There is no GPU here: on a CPU, mixed precision is slower than float32.", error=True)
