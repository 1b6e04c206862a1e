# SPDX-License-Identifier: Apache-2.0
"""Train a network on a folder of images: the first step, which makes the run folder."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from edgecnn.compiler.ir import Fitting
from edgecnn.compiler.numbers import seen_as
from edgecnn.compression.obstacles import obstacles, require_readable
from edgecnn.converters.keras_to_tflite import keras_to_float32
from edgecnn.converters.network_file import load_network
from edgecnn.data.arrays import Arrays, load_dataset
from edgecnn.data.check import check
from edgecnn.data.dataset import Dataset, numbers_shape
from edgecnn.data.findings import findings
from edgecnn.errors import EdgecnnError, ModelError
from edgecnn.escape import for_terminal
from edgecnn.files import replacing
from edgecnn.models import Architecture, Shape, architecture
from edgecnn.models._numbers import with_scaled_numbers
from edgecnn.models._user import is_own, runs_code
from edgecnn.pipeline.evaluate import describe_data
from edgecnn.pipeline.report import evaluate_run
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.history import append_history
from edgecnn.pipeline.run.options import (
    TrainOptions,
    chosen_options,
    map_of,
    refuse_overwriting,
    said_of_input,
)
from edgecnn.pipeline.variant_file import write_tflite
from edgecnn.progress import Progress, say
from edgecnn.tf import keras, make_repeatable
from edgecnn.training.fit import fit, fit_options
from edgecnn.training.objective import class_count, loss_of
from edgecnn.training.workers import Workers, join

MOST_CHECKED = 20_000  # images: the check of more takes longer than one wants to wait in passing
FINE_TUNE_RATE = 0.1  # the learning rate of a base that has learned elsewhere, relative to the head's


def train(path: Path, options: TrainOptions, progress: Progress, *, resume: bool = False) -> Run | None:
    """Train a network and leave a run folder at `path`.

    Where several workers train, the chief leaves it and the others nothing: they return None.

    Args:
        path: the folder to make.
        options: what to train, on what, and how.
        progress: told how far each long step is.
        resume: go on from the last checkpoint of an interrupted training with the same options.

    Raises:
        DataError: the images can't be used as they are.
        ModelError: the architecture doesn't exist, or doesn't fit the images.
        RunError: `path` holds a run already, or with `resume` one of other options; another process
            works on it; a worker is lost.
        EdgecnnError: the workers can't train together.
    """
    run = Run(path)
    make_repeatable(options.seed, options.threads)
    workers = join(options.strategy)
    with workers.in_contact(), run.locked() if workers.chief else nullcontext():
        return _train(run, workers, options, progress, resume)


def _train(run: Run, workers: Workers, options: TrainOptions, progress: Progress, resume: bool) -> Run | None:
    given_map = map_of(options, numbers_shape(options.data))
    normalization = said_of_input(options, given_map is not None)
    network = architecture(options.model, load_network, normalization, given_map, options.channels_order)
    chosen = chosen_options(run, network, options, given_map)
    if workers.chief:
        refuse_overwriting(run, chosen, resume)
    shape = (*chosen["input_size"], chosen["channels"])
    dataset, images = load_dataset(
        options.data,
        shape,
        seed=options.seed,
        strict=options.strict,
        window=chosen["window"],
        fitting=Fitting(chosen["fit"], chosen["resize"]),
        progress=progress,
    )
    _refuse_unlike_workers(workers, chosen, dataset)
    with workers.strategy.scope():
        model = _build(network, chosen, shape, dataset.classes)
        if dataset.ranges is not None and is_own(chosen["model"]) and not runs_code(chosen["model"]):
            model = with_scaled_numbers(model, chosen["model"], seen_as(dataset.ranges, normalization))
    if workers.chief:
        if is_own(chosen["model"]):
            _tell_obstacles(model, chosen["model"])
        _record(run, chosen, dataset, model, progress)
    model = _fit(run, workers, model, network, chosen, images, progress)
    if not workers.chief:
        return None
    run.write_labels(dataset.classes)
    with replacing(run.keras_model) as temporary:
        model.save(temporary)
    write_tflite(run, run.variant("float32"), keras_to_float32(model), images["validation"])
    evaluate_run(run, images["test"], progress)
    run.discard_checkpoints()
    return run


def _refuse_unlike_workers(workers: Workers, chosen: dict[str, Any], dataset: Dataset) -> None:
    """Check that all workers train the same, and that each device has a part of a batch."""
    devices = workers.strategy.num_replicas_in_sync
    if chosen["batch_size"] < devices:
        raise EdgecnnError(
            f"a batch of {chosen['batch_size']} can't be shared among {devices} devices; "
            f"use --batch-size {devices} or more"
        )
    asked = json.dumps({**chosen, "data": dataset.fingerprint}, sort_keys=True)
    if unlike := workers.unlike_chief(hashlib.sha256(asked.encode()).digest()):
        raise EdgecnnError(
            f"worker {unlike[0]} of {workers.count} was started with other images or options than the chief; "
            "give every worker the same"
        )


def _record(run: Run, chosen: dict[str, Any], dataset: Dataset, model: Any, progress: Progress) -> None:
    run.update_record(
        model=chosen["model"],
        input_shape=list(model.input_shape[1:]),
        classes=list(dataset.classes),
        parameters=model.count_params(),
        train=chosen,
        data={**describe_data(chosen["data"], dataset), "findings": _findings(dataset, progress)},
    )


def _findings(dataset: Dataset, progress: Progress) -> list[str]:
    """Return what the data check finds, one sentence each; of very many images it compares none."""
    if len(dataset.samples) > MOST_CHECKED:
        return [
            f"{len(dataset.samples):,} images are too many to be checked in passing: run 'edgecnn data check'"
        ]
    return [for_terminal(str(finding)) for finding in findings(check(dataset, progress))]


def _build(network: Architecture, chosen: dict[str, Any], shape: Shape, classes: Sequence[str]) -> Any:
    """Return the network, with pretrained weights where they are asked for.

    Raises:
        ModelError: it can't have that size, those weights or that loss, or tells another number of classes
            apart.
    """
    model = network.build(shape, len(classes), chosen["width"])
    outputs = class_count(model)
    if outputs != len(classes):
        if 1 in (outputs, len(classes)):
            has, want = ("classes", "a mask") if outputs == 1 else ("masks", "classes")
            advice = "see 'edgecnn models' for one that fits"
            raise ModelError(f'model "{network.name}" answers with {want}, but the data have {has}; {advice}')
        raise ModelError(
            f'model "{network.name}" tells {outputs} classes apart, but the data have {len(classes)}'
        )
    if outputs == 1:
        _refuse_classes(network.name, chosen)
    if chosen["weights"] != "none":
        assert network.load_weights is not None  # chosen_options has seen to it
        network.load_weights(model, chosen["weights"])
    loss_of(model, chosen["loss"])  # refused before anything is written
    return model


def _refuse_classes(name: str, chosen: Mapping[str, Any]) -> None:
    """Refuse to balance what masks don't have."""
    for option, neutral in (("class_weights", "none"), ("sampling", "all")):
        if chosen[option] != neutral:
            raise ModelError(
                f'model "{name}" answers with masks, which have no classes to balance: leave out '
                f"--{option.replace('_', '-')} {chosen[option]}; --loss weighted and dice are for few pixels"
            )


def _tell_obstacles(model: Any, name: str) -> None:
    """Tell before hours of training what later steps can't take of a person's own network.

    Raises:
        ModelError: what is trained couldn't be read again.
    """
    require_readable(model)
    for sentence in obstacles(model):
        say(f'model "{name}": {sentence}')


def _fit(
    run: Run,
    workers: Workers,
    model: Any,
    network: Architecture,
    chosen: dict[str, Any],
    images: dict[str, Arrays],
    progress: Progress,
) -> Any:
    """Train what is not pretrained, then, if asked for, all of it in smaller steps; return the result."""
    pretrained = _base(model, network) if chosen["weights"] != "none" else []
    for stage, epochs, rate in (
        ("train", chosen["epochs"], 1.0),
        ("fine_tune", chosen["fine_tune_epochs"], FINE_TUNE_RATE),
    ):
        for layer in pretrained:
            layer.trainable = stage == "fine_tune"
        if epochs:
            options = fit_options(
                chosen,
                stage,
                epochs,
                rate,
                loss=chosen["loss"],
                monitor=network.monitor,
                patience=chosen["patience"],
                reduce_patience=chosen["reduce_patience"],
                target_accuracy=chosen["target_accuracy"],
                balance=chosen["class_weights"] == "balanced",
                mixed_precision=chosen["mixed_precision"],
                workers=workers,
            )
            history = fit(
                model, images["train"], images["validation"], options, run.checkpoint(stage), progress
            )
            if workers.chief:
                append_history(run, stage, history)
    if chosen["strategy"] == "none":
        return model
    alone = keras.models.clone_model(model)  # outside of the strategy's scope
    alone.set_weights(model.get_weights())
    return alone


def _base(model: Any, network: Architecture) -> list[Any]:
    """Return the layers that have pretrained weights."""
    layers: list[Any] = keras.Model(model.input, model.get_layer(network.base_end).output).layers
    return layers
