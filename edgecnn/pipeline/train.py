# SPDX-License-Identifier: Apache-2.0
"""Train a network on a folder of images: the first step, which makes the run folder."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgecnn import __version__
from edgecnn.converters.keras_to_tflite import keras_to_float32
from edgecnn.converters.tflite_metadata import add_metadata
from edgecnn.data.arrays import Arrays, load_arrays
from edgecnn.data.dataset import Dataset, open_dataset
from edgecnn.errors import RunError
from edgecnn.files import replacing, write_bytes
from edgecnn.models import architecture
from edgecnn.pipeline.evaluate import describe_data
from edgecnn.pipeline.history import append_history
from edgecnn.pipeline.report import evaluate_run
from edgecnn.pipeline.run import Run
from edgecnn.progress import Progress
from edgecnn.tf import make_repeatable
from edgecnn.training.augmentation import parse_augmentation
from edgecnn.training.fit import FitOptions, fit

DISCLAIMER = "For research and education, not for diagnosis."


@dataclass(frozen=True)
class TrainOptions:
    """What `edgecnn train` was asked for; None leaves it to the architecture."""

    data: Path
    model: str
    epochs: int | None = None
    batch_size: int | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    patience: int | None = None
    class_weights: str = "none"  # or "balanced"
    augment: str = ""
    seed: int = 0
    threads: int = 2
    strict: bool = False


def train(path: Path, options: TrainOptions, progress: Progress, *, resume: bool = False) -> Run:
    """Train a network and leave a run folder at `path`.

    Args:
        path: the folder to make.
        options: what to train, on what, and how.
        progress: told how far each long step is.
        resume: go on from the last checkpoint of an interrupted training with the same options.

    Raises:
        DataError: the images can't be used as they are.
        ModelError: the architecture doesn't exist.
        RunError: `path` holds a run already, or with `resume` one of other options.
    """
    run = Run(path)
    chosen = _with_defaults(run, options)
    fit_options = _fit_options(chosen)
    _refuse_overwriting(run, chosen, resume)
    dataset = open_dataset(options.data, seed=options.seed, strict=options.strict, progress=progress)
    shape = architecture(options.model).input_shape
    make_repeatable(options.seed, options.threads)
    model = architecture(options.model).build(shape, len(dataset.classes), 1)
    run.update_record(
        model=options.model,
        input_shape=list(shape),
        classes=list(dataset.classes),
        parameters=model.count_params(),
        train=chosen,
        data=describe_data(chosen["data"], dataset),
    )
    history = fit(
        model,
        load_split(dataset, "train", shape, progress),
        load_split(dataset, "validation", shape, progress),
        fit_options,
        run.checkpoint("train"),
        progress,
    )
    append_history(run, "train", history)
    run.write_labels(dataset.classes)
    with replacing(run.keras_model) as temporary:
        model.save(temporary)
    write_tflite(run, run.variant("float32"), keras_to_float32(model))
    evaluate_run(run, load_split(dataset, "test", shape, progress), progress)
    run.discard_checkpoints()
    return run


def load_split(dataset: Dataset, split: str, shape: tuple[int, int, int], progress: Progress) -> Arrays:
    """Decode the images of one split at the model's input size."""
    return load_arrays(dataset.part(split), *shape, progress)


def write_tflite(run: Run, path: Path, tflite: bytes) -> None:
    """Write a .tflite file with the run's labels and a description in its metadata."""
    record = run.record()
    description = f"{record['model']}, made with edgecnn {__version__}. {DISCLAIMER}"
    write_bytes(path, add_metadata(tflite, record["model"], description, run.labels()))


def _with_defaults(run: Run, options: TrainOptions) -> dict[str, Any]:
    """Return all options as JSON values, those that were left open as the architecture has them."""
    defaults = architecture(options.model)
    given = {**asdict(options), "data": run.relative(options.data)}
    return {name: getattr(defaults, name) if value is None else value for name, value in given.items()}


def _fit_options(chosen: dict[str, Any]) -> FitOptions:
    return FitOptions(
        stage="train",
        epochs=chosen["epochs"],
        batch_size=chosen["batch_size"],
        optimizer=chosen["optimizer"],
        learning_rate=chosen["learning_rate"],
        seed=chosen["seed"],
        patience=chosen["patience"],
        balance=chosen["class_weights"] == "balanced",
        augmentation=parse_augmentation(chosen["augment"]),
    )


def _refuse_overwriting(run: Run, chosen: dict[str, Any], resume: bool) -> None:
    if not resume:
        if run.record_file.exists():
            raise RunError(
                f"{run.path} holds a run already; choose another --out, or go on with it by --resume"
            )
        return
    refuse_other_options(run, "train", chosen)
    if run.is_trained():
        raise RunError(f"the training in {run.path} is finished; there is nothing to resume")


def refuse_other_options(run: Run, step: str, asked: dict[str, Any]) -> None:
    """Check that a step is resumed with the options that it was started with.

    Raises:
        RunError: the step was not started, or an option differs.
    """
    started = run.record().get(step)
    if started is None:
        raise RunError(f"{run.path} has no interrupted '{step}' to resume; run it without --resume")
    for name in {**started, **asked}:
        if started.get(name) != asked.get(name):
            raise RunError(
                f"'{step}' in {run.path} was started with {name} {started.get(name)}, not {asked.get(name)}; "
                "resume with the same options"
            )
