# SPDX-License-Identifier: Apache-2.0
"""Overlap of masks, counted by hand."""

import numpy as np
import pytest

from edgecnn.evaluation.overlap import THRESHOLDS, choose_mask_threshold, dice_by_image, evaluate_masks


def _masks(*rows: str) -> np.ndarray:
    """One image a row of the text, 1 x len(row) pixels."""
    return np.array([[[[c == "#"] for c in row]] for row in rows])


ACTUAL = _masks("##..", "....", "####")
FOUND = _masks(".##.", "....", "##..")


def test_dice_of_each_image_counts_two_empty_masks_as_a_match() -> None:
    assert dice_by_image(ACTUAL, FOUND).tolist() == [0.5, 1.0, pytest.approx(2 / 3)]
    assert dice_by_image(_masks("...."), _masks("#...")).tolist() == [0.0]


def test_scores_of_all_pixels_and_of_images() -> None:
    scores = evaluate_masks(ACTUAL, FOUND, ACTUAL, np.arange(3))
    assert scores.pixel_accuracy == pytest.approx(8 / 12)
    assert scores.iou == pytest.approx(3 / 7)
    assert scores.dice == pytest.approx(6 / 10)
    assert scores.dice_per_image.value == pytest.approx((0.5 + 1 + 2 / 3) / 3)
    assert scores.iou_per_image.value == pytest.approx((1 / 3 + 1 + 1 / 2) / 3)
    assert scores.dice_loss == pytest.approx(100 - 100 * scores.dice_per_image.value)
    assert scores.dice_loss_ci95[0] <= scores.dice_loss <= scores.dice_loss_ci95[1]
    assert scores.agreement == pytest.approx(8 / 12)


def test_the_reference_loses_nothing_against_itself() -> None:
    scores = evaluate_masks(ACTUAL, FOUND, None, np.arange(3))
    assert (scores.dice_loss, scores.dice_loss_ci95, scores.agreement) == (0.0, (0.0, 0.0), 1.0)


def test_the_threshold_with_the_best_mean_dice_is_chosen() -> None:
    for above, below, threshold in ((0.32, 0.3164, 81), (130 / 256, 129 / 256, 130), (0.9999, 0.9951, 255)):
        assert choose_mask_threshold(ACTUAL, np.where(ACTUAL, above, below)) == threshold / 256
    answers = np.where(ACTUAL, 0.9, 0.1)  # any threshold between does
    assert choose_mask_threshold(ACTUAL, answers) == 0.5
    draw = np.random.default_rng(0).random((4, 6, 6, 1))
    masks = draw + 0.3 * np.random.default_rng(1).random(draw.shape) > 0.9
    chosen = choose_mask_threshold(masks, draw)
    best = max(dice_by_image(masks, draw >= one).mean() for one in THRESHOLDS)
    assert dice_by_image(masks, draw >= chosen).mean() == pytest.approx(best, abs=1e-12)
