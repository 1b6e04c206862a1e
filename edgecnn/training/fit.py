# SPDX-License-Identifier: Apache-2.0
"""The training loop: epoch by epoch, with a checkpoint after each.

Keras's own `fit` runs each epoch. The loop around it is ours because everything that outlives an
epoch has to be in the checkpoint: Keras's EarlyStopping, for one, forgets its best weights when
the process is killed.
"""

from dataclasses import dataclass
from math import ceil, isfinite
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.data.arrays import Arrays
from edgecnn.errors import ModelError
from edgecnn.progress import Progress
from edgecnn.tf import keras, tf
from edgecnn.training.augmentation import NONE, Augmentation, augment
from edgecnn.training.checkpoint import Progression, Weights, load_checkpoint, save_checkpoint

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}


@dataclass(frozen=True)
class FitOptions:
    """How to fit."""

    stage: str  # "train", "prune" or "qat": names the checkpoint and the rows of the history
    epochs: int
    batch_size: int
    optimizer: str  # one of OPTIMIZERS
    learning_rate: float
    seed: int
    patience: int | None = None  # epochs without a lower validation loss before stopping; None: never stop
    keep_best: bool = True  # end with the weights of the epoch with the lowest validation loss
    balance: bool = False  # weight each class by the inverse of its share
    augmentation: Augmentation = NONE


def fit(
    model: Any,
    train: Arrays,
    validation: Arrays,
    options: FitOptions,
    checkpoint: Path,
    progress: Progress,
    callbacks: tuple[Any, ...] = (),
    teacher: Any = None,
) -> list[dict[str, float]]:
    """Train `model` in place, going on from `checkpoint` where that file exists.

    Args:
        model: Keras model, float32 (n, h, w, c) in 0..1 -> (n, classes) probabilities.
        train: the images to learn from.
        validation: the images that choose the best epoch.
        options: how to fit.
        checkpoint: file that holds the state after each finished epoch.
        progress: told after each batch.
        callbacks: further Keras callbacks.
        teacher: a Keras model whose probabilities for each training image, as it was augmented, take the
            place of its label (distillation, Hinton et al. 2015, arXiv:1503.02531, at temperature 1).

    Returns:
        One row per epoch: epoch (from 1), loss, accuracy, val_loss, val_accuracy.

    Raises:
        RunError: the checkpoint is damaged or belongs to another model.
        ModelError: the loss became infinite or no number.
    """
    model.compile(
        optimizer=OPTIMIZERS[options.optimizer](options.learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    state, best = Progression(), model.get_weights()
    if checkpoint.exists():
        state, best = load_checkpoint(checkpoint, model)
    classes = model.output_shape[-1]
    held_out = _batches(validation, classes, options.batch_size, np.arange(len(validation.labels)))
    while state.epoch < options.epochs and not state.stopped:
        logs = model.fit(
            _epoch(train, classes, options, state.epoch, teacher),
            validation_data=held_out,
            initial_epoch=state.epoch,
            epochs=state.epoch + 1,
            class_weight=_class_weights(train.labels, classes) if options.balance else None,
            callbacks=[_BatchProgress(options, len(train.labels), progress), *callbacks],
            verbose=0,
        )
        row = {name: float(v[0]) for name, v in logs.history.items()}
        _refuse_divergence(row, options)
        best = _advance(state, row, model, best, options)
        save_checkpoint(checkpoint, state, model, best)
    if options.keep_best:
        model.set_weights(best)
    return state.history


def _refuse_divergence(row: dict[str, float], options: FitOptions) -> None:
    """Stop where no later epoch can mend it, and before the untrained weights pass for the best."""
    if not all(map(isfinite, row.values())):
        raise ModelError(
            f"'{options.stage}' diverged: its loss became {row['loss']} (in validation {row['val_loss']}) "
            f"at learning rate {options.learning_rate:g}; train anew with a lower one"
        )


def _advance(
    state: Progression, row: dict[str, float], model: Any, best: Weights, options: FitOptions
) -> Weights:
    """Enter the finished epoch into `state`; return the best weights so far."""
    state.epoch += 1
    state.history.append({"epoch": state.epoch, **row})
    if row["val_loss"] < state.best_loss:
        state.best_epoch, state.best_loss = state.epoch, row["val_loss"]
        best = model.get_weights()
    state.stopped = options.patience is not None and state.epoch - state.best_epoch >= options.patience
    return best


def _epoch(arrays: Arrays, classes: int, options: FitOptions, epoch: int, teacher: Any) -> Any:
    """Return the batches of one epoch, in an order that depends on seed and epoch only."""
    count, height, width, _ = arrays.images.shape
    order = np.random.default_rng((options.seed, epoch, 0)).permutation(count)
    batches = _batches(arrays, classes, options.batch_size, order)
    if options.augmentation != NONE:
        transforms = options.augmentation.transforms(count, height, width, options.seed, epoch)
        offsets = options.augmentation.offsets(count, options.seed, epoch)
        moves = tf.data.Dataset.from_tensor_slices((transforms, offsets)).batch(options.batch_size)
        batches = tf.data.Dataset.zip((batches, moves)).map(
            lambda batch, move: (augment(batch[0], move[0], move[1]), batch[1])
        )
    if teacher is not None:
        batches = batches.map(lambda images, _: (images, teacher(images, training=False)))
    return batches


def _batches(arrays: Arrays, classes: int, batch_size: int, order: npt.NDArray[np.int64]) -> Any:
    """Return a tf.data.Dataset of (float32 images in 0..1, one-hot labels) in the given order."""
    images, targets = tf.constant(arrays.images), tf.one_hot(arrays.labels, classes)

    def gather(index: Any) -> Any:
        return tf.cast(tf.gather(images, index), tf.float32) / 255.0, tf.gather(targets, index)

    return tf.data.Dataset.from_tensor_slices(order).batch(batch_size).map(gather).prefetch(2)


def _class_weights(labels: npt.NDArray[np.int64], classes: int) -> dict[int, float]:
    """Return weights by class such that every class counts the same in sum."""
    counts = np.bincount(labels, minlength=classes)
    return {label: len(labels) / (classes * count) for label, count in enumerate(counts.tolist())}


class _BatchProgress(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells a Progress how many batches of all epochs are done."""

    def __init__(self, options: FitOptions, images: int, progress: Progress) -> None:
        super().__init__()
        self._batches = ceil(images / options.batch_size)
        self._options, self._report, self._epoch = options, progress, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        done = self._epoch * self._batches + batch + 1
        note = f"epoch {self._epoch + 1}, accuracy {(logs or {}).get('accuracy', 0):.3f}"
        self._report(self._options.stage, done, self._options.epochs * self._batches, note)
