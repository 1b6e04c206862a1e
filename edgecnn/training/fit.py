# SPDX-License-Identifier: Apache-2.0
"""The training loop: epoch by epoch, with a checkpoint after each.

Keras's own `fit` runs each epoch. The loop around it is ours because everything that outlives an
epoch has to be in the checkpoint: Keras's EarlyStopping, for one, forgets its best weights when
the process is killed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, inf, isfinite
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.data.arrays import Arrays
from edgecnn.errors import ModelError
from edgecnn.files import write_bytes
from edgecnn.progress import Progress
from edgecnn.tf import keras, tf
from edgecnn.training.augmentation import NONE, Augmentation, parse_augmentation
from edgecnn.training.batches import Batches
from edgecnn.training.checkpoint import Progression, Weights, pack_checkpoint, unpack_checkpoint
from edgecnn.training.objective import loss_of, metrics_of
from edgecnn.training.precision import in_mixed_precision, scaling
from edgecnn.training.workers import ALONE, Workers

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}


@dataclass(frozen=True)
class FitOptions:
    """How to fit."""

    stage: str  # "train", "fine_tune", "prune" or "qat": names the checkpoint and the rows of the history
    epochs: int
    batch_size: int
    optimizer: str  # one of OPTIMIZERS
    learning_rate: float
    seed: int
    loss: str = "crossentropy"  # as training.objective knows it
    monitor: str = "loss"  # the best epoch has the lowest validation loss, or the highest "accuracy"
    patience: int | None = None  # epochs without a better one before stopping; None: never stop
    keep_best: bool = True  # end with the weights of the best epoch
    reduce_patience: int | None = None  # epochs without a lower validation loss before the rate is halved
    target_accuracy: float | None = None  # on the validation images, at which training stops
    balance: bool = False  # weight each class by the inverse of its share
    sampling: str = "all"  # "balanced": an epoch shows as many images of each class as the rarest has
    augmentation: Augmentation = NONE
    mixed_precision: bool = False  # compute in float16 where that is accurate enough
    workers: Workers = ALONE  # the model has to be made in the scope of their strategy

    def images(self, labels: npt.NDArray[np.int64], epoch: int) -> npt.NDArray[np.int64]:
        """Return which images an epoch shows, in which order: a function of seed and epoch only."""
        draw = np.random.default_rng((self.seed, epoch, 0))
        order = draw.permutation(len(labels))
        if self.sampling == "all":
            return order
        by_class = [order[labels[order] == label] for label in np.unique(labels)]
        fewest = min(map(len, by_class))
        # Mixed anew: the first of a frequent class all stand at the beginning.
        return draw.permutation(np.concatenate([indices[:fewest] for indices in by_class]))


def fit_options(
    chosen: Mapping[str, Any], stage: str, epochs: int, rate: float, **further: Any
) -> FitOptions:
    """Return how to fit in a stage of a training.

    Args:
        chosen: the options of the training, as run.json has them.
        stage: its name.
        epochs: at most so many.
        rate: its learning rate relative to that of the training.
        further: fields of FitOptions.
    """
    return FitOptions(
        stage=stage,
        epochs=epochs,
        batch_size=chosen["batch_size"],
        optimizer=chosen["optimizer"],
        learning_rate=chosen["learning_rate"] * rate,
        seed=chosen["seed"],
        sampling=chosen["sampling"],
        augmentation=parse_augmentation(chosen["augment"]),
        **further,
    )


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
        model: Keras model, float32 (n, h, w, c) in 0..1 -> probabilities, as training.objective tells them.
        train: the images to learn from.
        validation: the images that choose the best epoch; where classes are balanced, each counts the same.
        options: how to fit.
        checkpoint: file that holds the state after each finished epoch; only the chief reads and writes it.
        progress: told after each batch.
        callbacks: further Keras callbacks.
        teacher: a Keras model whose probabilities for each training image, as it was augmented, take the
            place of its label (distillation, Hinton et al. 2015, arXiv:1503.02531, at temperature 1).

    Returns:
        One row per epoch: epoch (from 1), loss, accuracy, val_loss, val_accuracy, and what else the
        objective measures.

    Raises:
        RunError: the checkpoint is damaged or belongs to another model.
        ModelError: the loss became infinite or no number.
    """
    workers = options.workers
    with workers.strategy.scope():
        learner = in_mixed_precision(model) if options.mixed_precision else model
        optimizer = OPTIMIZERS[options.optimizer](options.learning_rate)
        learner.compile(
            optimizer=scaling(optimizer) if options.mixed_precision else optimizer,
            loss=loss_of(model, options.loss),
            metrics=metrics_of(model),
        )
        # Each worker knows the accuracy of all; what is shown within an epoch would be their sum.
        learner.distribute_reduction_method = "first"
        state, best = Progression(learning_rate=options.learning_rate), learner.get_weights()
        backup = checkpoint.read_bytes() if workers.chief and checkpoint.exists() else b""
        if backup := workers.from_chief(backup):
            state, best = unpack_checkpoint(backup, checkpoint, learner)
    shown = Batches(model, train, options.batch_size)
    held_out = Batches(model, validation, options.batch_size).in_order(_weights(validation.labels, options))
    weights = _class_weights(train.labels) if options.balance else None
    while state.epoch < options.epochs and not state.stopped:
        learner.optimizer.learning_rate = state.learning_rate
        order = options.images(train.labels, state.epoch)
        batches = shown.epoch(order, options.augmentation, options.seed, state.epoch)
        if teacher is not None:
            batches = batches.map(lambda images, _: (images, teacher(images, training=False))).prefetch(2)
        with _in_memory(options, train):
            logs = learner.fit(
                batches,
                validation_data=held_out,
                initial_epoch=state.epoch,
                epochs=state.epoch + 1,
                class_weight=weights,
                callbacks=[_BatchProgress(options, len(order), progress), *callbacks],
                verbose=0,
            )
        row = {name: float(v[0]) for name, v in logs.history.items()}
        _refuse_divergence(row, options)
        best = _advance(state, row, learner, best, options)
        backup = pack_checkpoint(state, learner, best)
        if workers.chief:
            write_bytes(checkpoint, backup)
    model.set_weights(best if options.keep_best else learner.get_weights())
    return state.history


@contextmanager
def _in_memory(options: FitOptions, images: Arrays) -> Iterator[None]:
    """Tell in one line where a batch does not fit into memory.

    Raises:
        ModelError: it does not.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        height, width = images.images.shape[1:3]
        raise ModelError(
            f"there is not enough memory to learn from {options.batch_size} images of {height}x{width} "
            "at a time; use a smaller --batch-size, --input-size or --width"
        ) from error


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
    score = row["val_loss"] if options.monitor == "loss" else -row[f"val_{options.monitor}"]
    if score < state.best_score:
        state.best_epoch, state.best_score = state.epoch, score
        best = model.get_weights()
    _reduce_on_plateau(state, row["val_loss"], options)
    out_of_patience = options.patience is not None and state.epoch - state.best_epoch >= options.patience
    state.stopped = out_of_patience or row["val_accuracy"] >= (options.target_accuracy or inf)
    return best


def _reduce_on_plateau(state: Progression, val_loss: float, options: FitOptions) -> None:
    """Halve the learning rate after `reduce_patience` epochs without a lower validation loss."""
    if val_loss < state.lowest_loss:
        state.lowest_loss, state.plateau = val_loss, 0
        return
    state.plateau += 1
    if state.plateau == options.reduce_patience:
        state.learning_rate, state.plateau = state.learning_rate / 2, 0


def _weights(labels: npt.NDArray[np.int64], options: FitOptions) -> npt.NDArray[np.float32] | None:
    """Return how much each validation image counts in the loss that chooses the best epoch; None: the same.

    Where classes are balanced to learn from, they are here, too: of networks that learned so, the plain loss
    would prefer the one that leans most to the frequent class.
    """
    if not options.balance and options.sampling == "all":
        return None
    by_class = _class_weights(labels)
    return np.array([by_class[label] for label in labels.tolist()], np.float32)


def _class_weights(labels: npt.NDArray[np.int64]) -> dict[int, float]:
    """Return weights by class such that every class counts the same in sum."""
    counts = np.bincount(labels).tolist()
    present = sum(count > 0 for count in counts)
    return {label: len(labels) / (present * max(count, 1)) for label, count in enumerate(counts)}


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
