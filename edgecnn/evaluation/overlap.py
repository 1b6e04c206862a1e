# SPDX-License-Identifier: Apache-2.0
"""How well masks match: of all pixels together, and image by image.

Intersection over union (IoU) and Dice count the pixels that two masks share, so that a large background helps
neither. An image in which both are empty is matched fully: 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.evaluation.accuracy import Estimate, Floats, Interval, cluster_bootstrap
from edgecnn.values import Share

Masks = npt.NDArray[np.bool_]  # (n, h, w, 1)

LEVELS = 256  # that the sigmoid of an int8 file has
THRESHOLDS = tuple(level / LEVELS for level in range(1, LEVELS))


@dataclass(frozen=True)
class MaskScores:
    """How well a model's masks match, and how they compare with its reference's."""

    pixel_accuracy: Share
    iou: Share  # of the pixels of all images together
    dice: Share
    dice_per_image: Estimate  # the mean over images
    iou_per_image: Estimate
    dice_loss: float  # points of Dice per image, reference minus model: positive where the model is worse
    dice_loss_ci95: Interval
    agreement: Share  # the share of pixels on which model and reference say the same


def evaluate_masks(
    masks: Masks, predicted: Masks, reference: Masks | None, groups: npt.NDArray[Any]
) -> MaskScores:
    """Score a model's masks against those that are known.

    Args:
        masks: what is so, (n, h, w, 1).
        predicted: what the model says.
        reference: what the model to compare with says; None where this model is the reference.
        groups: what each image belongs to, (n,); intervals are bootstraps that draw whole groups.
    """
    dice = dice_by_image(masks, predicted)
    iou = dice / (2 - dice)
    shared, union = int((masks & predicted).sum()), int((masks | predicted).sum())
    whole = shared / union if union else 1.0
    loss = Estimate(0.0, (0.0, 0.0))
    if reference is not None:
        loss = _mean(100 * (dice_by_image(masks, reference) - dice), groups)
    return MaskScores(
        pixel_accuracy=float((masks == predicted).mean()),
        iou=whole,
        dice=2 * whole / (1 + whole),
        dice_per_image=_mean(dice, groups),
        iou_per_image=_mean(iou, groups),
        dice_loss=loss.value,
        dice_loss_ci95=loss.ci95,
        agreement=1.0 if reference is None else float((predicted == reference).mean()),
    )


def dice_by_image(masks: Masks, predicted: Masks) -> Floats:
    """Return twice the shared pixels over the pixels of both masks, for each image, (n,)."""
    shared = (masks & predicted).sum(axis=(1, 2, 3))
    both = masks.sum(axis=(1, 2, 3)) + predicted.sum(axis=(1, 2, 3))
    return np.asarray(np.where(both > 0, 2 * shared / np.maximum(both, 1), 1.0))


def choose_mask_threshold(masks: Masks, answers: Floats) -> float:
    """Return the one of THRESHOLDS with the highest mean Dice, of equals the nearest to 0.5.

    These are all that differ for an int8 file, whose answers may keep close together.

    Args:
        masks: what is so, (n, h, w, 1).
        answers: the sigmoid of each pixel, of the same shape.
    """
    levels = np.minimum((LEVELS * answers).astype(np.int64), LEVELS - 1)
    dice = np.mean([_dice_by_threshold(*image) for image in zip(masks, levels, strict=True)], axis=0)
    best = np.flatnonzero(dice == dice.max())
    return THRESHOLDS[min(best.tolist(), key=lambda index: abs(THRESHOLDS[index] - 0.5))]


def _dice_by_threshold(mask: Masks, levels: npt.NDArray[np.int64]) -> Floats:
    """Return the Dice of one image for each of THRESHOLDS."""
    marked, shared = (
        np.bincount(values, minlength=LEVELS)[::-1].cumsum()[::-1][1:]
        for values in (levels.ravel(), levels[mask])
    )
    both = mask.sum() + marked
    return np.asarray(np.where(both > 0, 2 * shared / np.maximum(both, 1), 1.0))


def _mean(values: Floats, groups: npt.NDArray[Any]) -> Estimate:
    return Estimate(
        float(values.mean()),
        cluster_bootstrap(lambda weights: float(np.average(values, weights=weights)), groups),
    )
