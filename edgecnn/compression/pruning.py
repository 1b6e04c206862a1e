# SPDX-License-Identifier: Apache-2.0
"""Pruning by magnitude, with the polynomial schedule of Zhu and Gupta (2017, arXiv:1710.01878)."""

from math import ceil
from pathlib import Path
from typing import Any

from edgecnn.data.arrays import Arrays
from edgecnn.errors import ModelError
from edgecnn.progress import Progress
from edgecnn.tf import keras, tfmot
from edgecnn.training.fit import FitOptions, fit

RAMP = 0.6  # part of the steps in which sparsity grows; the rest lets the remaining weights settle
UPDATES = 20  # how often it grows


def prune(
    model: Any,
    train: Arrays,
    validation: Arrays,
    options: FitOptions,
    sparsity: float,
    checkpoint: Path,
    progress: Progress,
) -> tuple[Any, list[dict[str, float]]]:
    """Return a copy of `model` with `sparsity` (0..1) of each kernel zero, fine-tuned, and its history.

    It learns to answer as `model` does, which keeps what early stopping chose: on labels, a few more epochs
    overfit a small data set again.

    The options' `keep_best` has to be False: an early epoch has fewer zeros, and is better for it.

    Raises:
        ModelError: there is only one batch, so that sparsity can't grow from none to all.
    """
    shown = len(options.images(train.labels, epoch=0))  # in each epoch
    steps = options.epochs * ceil(shown / options.batch_size)
    if steps < 2:
        raise ModelError(
            f"pruning needs two batches or more, but {shown} images at batch size "
            f"{options.batch_size} are one in {options.epochs} epoch; use more --prune-epochs"
        )
    every = max(1, int(RAMP * steps) // UPDATES)
    end = int(RAMP * steps) // every * every  # a multiple, or the toolkit never sets the final sparsity
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        0.0, sparsity, begin_step=0, end_step=end, frequency=every
    )
    pruned = wrapped(model, schedule)
    update = tfmot.sparsity.keras.UpdatePruningStep()
    history = fit(pruned, train, validation, options, checkpoint, progress, (update,), teacher=model)
    return _copy(tfmot.sparsity.keras.strip_pruning(pruned)), history


def wrapped(model: Any, schedule: Any) -> Any:
    """Return a copy of `model` whose convolutions and dense layers are pruned: others have no kernel."""
    prunable = keras.layers.Conv2D, keras.layers.SeparableConv2D, keras.layers.Dense

    def wrap(layer: Any) -> Any:
        copy = type(layer).from_config(layer.get_config())
        if not isinstance(layer, prunable):
            return copy
        return tfmot.sparsity.keras.prune_low_magnitude(copy, pruning_schedule=schedule)

    pruned = keras.models.clone_model(model, clone_function=wrap)
    for layer, original in zip(pruned.layers, model.layers, strict=True):
        getattr(layer, "layer", layer).set_weights(original.get_weights())
    return pruned


def _copy(model: Any) -> Any:
    """Return the same model with layers of its own: the toolkit leaves traces on those it was given."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy
