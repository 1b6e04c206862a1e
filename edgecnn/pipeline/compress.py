# SPDX-License-Identifier: Apache-2.0
"""Remove filters or weights of a trained network and quantize it to int8: the second step of a run."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgecnn.compression.costs import FLASH, INSTRUCTIONS, RAM
from edgecnn.compression.filters import EIGHT_BITS, ROUNDS, Goal, Material, taught
from edgecnn.compression.pruning import prune
from edgecnn.compression.qat import quantize_aware
from edgecnn.compression.settling import shrink_and_quantize, told
from edgecnn.converters.keras_to_tflite import keras_to_float32, keras_to_int4, keras_to_int8
from edgecnn.converters.tflite_to_c_array import write_c_array
from edgecnn.data.arrays import REPRESENTATIVE_IMAGES, Arrays, load_part
from edgecnn.data.dataset import Dataset, open_dataset
from edgecnn.errors import RunError
from edgecnn.files import replacing, write_bytes
from edgecnn.models import architecture, load_model
from edgecnn.models._fold_scaling import with_folded_scaling
from edgecnn.pipeline.device_costs import measured_footprint
from edgecnn.pipeline.report import evaluate_run
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.history import append_history, read_history, write_history
from edgecnn.pipeline.run.options import Compression, asked_of, refuse_unfit, refuse_unlike
from edgecnn.pipeline.variant_file import write_tflite
from edgecnn.progress import Progress, say
from edgecnn.tf import make_repeatable
from edgecnn.training.fit import fit_options
from edgecnn.training.objective import class_count

LEARNING_RATE = {"prune": 0.3, "qat": 0.1}  # relative to that of training
SETTLING_PATIENCE = 2  # epochs without a lower validation loss before steps get half as long


def compress(
    path: Path,
    options: Compression,
    progress: Progress,
    *,
    data: Path | None = None,
    resume: bool = False,
    model: str | None = None,
) -> Run:
    """Prune, quantize and measure the model of a run; what an earlier `compress` left there is replaced.

    Everything is made in a folder of its own; until all of it is whole, the run stays as it was.

    Args:
        path: the run folder.
        options: what to remove, and how to train; None: post-training quantization only.
        progress: told how far each long step is.
        data: where the run's data are now, when they have been moved since training.
        resume: go on from the last checkpoint of an interrupted `compress` with the same options.
        model: the FILE.py:FUNCTION that was trained, where it defines layers; its code is run. What the run
            says of it is not believed: the run may be a stranger's.

    Raises:
        DataError: the images can't be used as they are.
        ModelError: the run's model may run code, or can't be quantized.
        RunError: `path` is no finished training, its data have changed, or with `resume` the options have;
            another process works on it.
    """
    run = Run(path)
    record = run.record()
    asked = asked_of(options)
    with run.locked():
        refuse_unfit(run)
        if resume:
            refuse_unlike(run, asked)
        dataset = reopen_data(run, data, progress)
        make_repeatable(record["train"]["seed"], record["train"]["threads"])
        if model is not None:
            architecture(model)  # it may define layers
        trained = with_folded_scaling(load_model(run.keras_model))
        _refuse_another_model(run, trained)
        work = run.compressing() if resume else _begin(run, asked)
        _make_models(run, work, trained, dataset, progress)
        write_c_array(work.path, work.int8_model.read_bytes(), "model_int8", work.labels())
        evaluate_run(work, load_part(dataset, "test", run.input_shape(), progress), progress)
        run.take_over(work)
    return run


def _begin(run: Run, asked: dict[str, Any]) -> Run:
    """Make the folder to work in; until it is whole, the run stays as it is."""
    work = run.begin_compressing()
    stages = {stage: rows for stage, rows in read_history(run).items() if stage not in LEARNING_RATE}
    write_history(work, stages)
    work.update_record(compress=asked, post_training=[])
    return work


def _make_models(run: Run, work: Run, model: Any, dataset: Dataset, progress: Progress) -> None:
    train = load_part(dataset, "train", run.input_shape(), progress)
    representative = train.sample(REPRESENTATIVE_IMAGES, run.record()["train"]["seed"])
    validation = load_part(dataset, "validation", run.input_shape(), progress)
    best = work.variant("int8_ptq")
    write_tflite(work, best, keras_to_int8(model, representative), validation)
    asked = work.record()["compress"]
    if "ptq" not in asked:
        way = _prune_and_train if "sparsity" in asked else _remove_and_train
        quantized = way(work, model, train, validation, progress)
        best = work.variant("int8_qat")
        convert = keras_to_int8 if asked.get("weight_bits", EIGHT_BITS) == EIGHT_BITS else keras_to_int4
        write_tflite(work, best, convert(quantized, representative), validation)
    write_bytes(work.int8_model, best.read_bytes())


def _refuse_another_model(run: Run, model: Any) -> None:
    """Check before all of the training that what comes out of it can be measured."""
    takes, should = model.input_shape, (None, *run.input_shape())
    if takes != should:
        raise RunError(f"{run.keras_model} takes {takes}, but run.json beside it says {should}; train again")
    answers, classes = class_count(model), len(run.record()["classes"])
    if answers != classes:
        raise RunError(f"{run.keras_model} has {answers} classes, run.json beside it {classes}; train again")


def reopen_data(run: Run, moved_to: Path | None, progress: Progress) -> Dataset:
    """Open the data a run was trained on, with the same splits.

    Raises:
        RunError: they are not the same any more, so that test images could be among those trained on.
    """
    record = run.record()
    source = moved_to or run.data()
    dataset = open_dataset(source, seed=record["train"]["seed"], progress=progress)
    if dataset.fingerprint != record["data"]["fingerprint"]:
        raise RunError(f"{source} is not what {run.path} was trained on; give the same images by --data")
    return replace(dataset, window=run.window(), fitting=run.fitting(), ranges=run.ranges())


def _prune_and_train(run: Run, model: Any, train: Arrays, validation: Arrays, progress: Progress) -> Any:
    """Leave the pruned float model in the run; return the quantization-aware one.

    Both stages train as the first did, but in smaller steps: the network is where it should be already.
    """
    trained, asked = run.record()["train"], run.record()["compress"]
    pruned, history = prune(
        model,
        train,
        validation,
        fit_options(trained, "prune", asked["prune_epochs"], LEARNING_RATE["prune"], keep_best=False),
        asked["sparsity"],
        run.checkpoint("prune"),
        progress,
    )
    append_history(run, "prune", history)
    _write_pruned(run, pruned, validation)
    quantized, history, post_training = quantize_aware(
        pruned,
        model,
        train,
        validation,
        fit_options(trained, "qat", asked["qat_epochs"], LEARNING_RATE["qat"]),
        run.checkpoint("qat"),
        progress,
    )
    append_history(run, "qat", history)
    run.update_record(post_training=post_training)
    return quantized


def _write_pruned(run: Run, pruned: Any, validation: Arrays) -> None:
    with replacing(run.pruned_keras_model) as temporary:
        pruned.save(temporary)
    write_tflite(run, run.variant("float32_pruned"), keras_to_float32(pruned), validation)


def _remove_and_train(run: Run, model: Any, train: Arrays, validation: Arrays, progress: Progress) -> Any:
    """Leave the float model without some of its filters in the run; return the quantization-aware one.

    What is left of a network has much to learn anew, and does so in steps as long as those of training.
    """
    trained, asked = run.record()["train"], run.record()["compress"]
    goal, epochs = _goal(asked), asked["prune_epochs"]
    options = fit_options(trained, "filters", epochs // goal.rounds, 1.0, keep_best=False)
    settling = fit_options(trained, "settle", max(1, epochs // 2), 1.0, reduce_patience=SETTLING_PATIENCE)
    qat = fit_options(trained, "qat", asked["qat_epochs"], LEARNING_RATE["qat"])
    material = Material(
        taught(train, model, options), validation, run.checkpoint, progress, measured_footprint
    )
    shrunk = shrink_and_quantize(model, goal, material, options, settling, qat)
    _write_pruned(run, shrunk.pruned, validation)
    append_history(run, "prune", shrunk.history)
    append_history(run, "qat", shrunk.quantized.history)
    run.update_record(post_training=shrunk.quantized.post_training)
    for sentence in told(shrunk):
        say(sentence)
    return shrunk.reached.model


def _goal(asked: dict[str, Any]) -> Goal:
    """Return what run.json says of the goal."""
    limits = {FLASH: asked["flash"], INSTRUCTIONS: asked["instructions"], RAM: asked["ram"]}
    return Goal(
        asked["target"],
        {resource: limit for resource, limit in limits.items() if limit is not None},
        removed=asked["filters"],
        loss=math.inf if asked["filters"] is not None else asked["max_loss"] / 100,
        rounds=min(ROUNDS, asked["prune_epochs"]),
        weight_bits=asked.get("weight_bits", EIGHT_BITS),
    )
