# SPDX-License-Identifier: Apache-2.0
"""What a network is trained for, told by its output: a class of several, a yes or no, or a mask."""

from typing import Any

from edgecnn.data.arrays import Arrays
from edgecnn.errors import ModelError
from edgecnn.tf import keras, tf

CLASSES, BINARY, MASK = "classes", "binary", "mask"


def objective(model: Any) -> str:
    """Return CLASSES for outputs (n, 2 or more), BINARY for (n, 1), MASK for (n, h, w, 1).

    Raises:
        ModelError: the output has another shape.
    """
    kinds = {2: BINARY if model.output_shape[-1] == 1 else CLASSES, 4: MASK}
    kind = kinds.get(len(model.output_shape))
    if kind is None or (kind == MASK and model.output_shape[1:] != (*model.input_shape[1:3], 1)):
        raise ModelError(
            f'model "{model.name}" has the output shape {model.output_shape}; it must be (None, classes), '
            "(None, 1), or (None, height, width, 1) of its input's size"
        )
    return kind


def class_count(model: Any) -> int:
    """Return how many classes `model` tells apart; 1: it marks pixels.

    Raises:
        ModelError: as `objective`.
    """
    return {CLASSES: int(model.output_shape[-1]), BINARY: 2, MASK: 1}[objective(model)]


def targets_of(model: Any, arrays: Arrays) -> Any:
    """Return what `model` is to answer for each image, float32, in the shape of its output."""
    if arrays.answers is not None:
        return tf.constant(arrays.answers)
    kind = objective(model)
    if kind == MASK:
        return tf.cast(arrays.masks, tf.float32)
    if kind == BINARY:
        return tf.cast(arrays.labels[:, None], tf.float32)
    return tf.one_hot(arrays.labels, model.output_shape[-1])


def loss_of(model: Any, name: str) -> Any:
    """Return the loss of that name: "crossentropy", "focal", and for masks "dice" or "weighted".

    Sources: Lin et al. 2017, arXiv:1708.02002 (focal); Milletari et al. 2016, arXiv:1606.04797 (Dice).

    Raises:
        ModelError: there is none of that name for what the model is trained for.
    """
    kind, of = objective(model), keras.losses
    losses = {
        "crossentropy": of.CategoricalCrossentropy if kind == CLASSES else of.BinaryCrossentropy,
        "focal": of.CategoricalFocalCrossentropy if kind == CLASSES else of.BinaryFocalCrossentropy,
    }
    if kind == MASK:
        losses |= {"dice": lambda: _dice_loss, "weighted": lambda: _weighted_loss}
    if name not in losses:
        raise ModelError(f'model "{model.name}" can\'t be trained with loss {name}; use {", ".join(losses)}')
    return losses[name]()


def _dice_loss(masks: Any, answers: Any) -> Any:
    """Return 1 minus the Dice coefficient of each image; one pixel is added to both sides of the fraction."""
    both = tf.reduce_sum(masks * answers, axis=(1, 2, 3))
    either = tf.reduce_sum(masks + answers, axis=(1, 2, 3))
    return 1 - (2 * both + 1) / (either + 1)


def _weighted_loss(masks: Any, answers: Any) -> Any:
    """Return the cross-entropy in which foreground and background of a batch count the same."""
    share = tf.clip_by_value(tf.reduce_mean(masks), 0.001, 0.999)
    weights = masks / (2 * share) + (1 - masks) / (2 * (1 - share))
    return tf.reduce_mean(weights[..., 0] * keras.losses.binary_crossentropy(masks, answers), axis=(1, 2))


def metrics_of(model: Any) -> list[Any]:
    """Return what is told after each epoch.

    That is accuracy (of pixels, for masks), for a yes or no also AUC, precision and recall, and for masks the
    overlap: intersection over union, and Dice, of all pixels together.
    """
    kind, of = objective(model), keras.metrics
    if kind == CLASSES:
        return [of.CategoricalAccuracy(name="accuracy")]
    if kind == BINARY:
        kinds = {"accuracy": of.BinaryAccuracy, "auc": of.AUC, "precision": of.Precision, "recall": of.Recall}
        return [_of_labels(metric)(name=name) for name, metric in kinds.items()]
    overlaps = {"iou": of.BinaryIoU, "dice": _Dice}
    return [
        _of_labels(of.BinaryAccuracy)(name="accuracy"),
        *(_of_labels(metric)(target_class_ids=[1], name=name) for name, metric in overlaps.items()),
    ]


def _of_labels(metric: Any) -> Any:
    """Return a metric that takes a teacher's half or more for a yes: Keras's own want labels."""

    class OfLabels(metric):  # type: ignore[misc]
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return super().update_state(tf.cast(y_true >= 0.5, tf.float32), y_pred, sample_weight)

    return OfLabels


class _Dice(keras.metrics.BinaryIoU):  # type: ignore[misc]
    """The Dice coefficient: 2 I / (1 + I) of the intersection over union I."""

    def result(self) -> Any:
        overlap = super().result()
        return 2 * overlap / (1 + overlap)
