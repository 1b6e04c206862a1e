# SPDX-License-Identifier: Apache-2.0
"""Calibration: the figures of Guo et al. 2017."""

import numpy as np
import pytest

from edgecnn.evaluation.calibration import BINS, calibrate


def test_a_model_that_is_right_as_often_as_it_says_has_no_error() -> None:
    probabilities = np.tile([0.75, 0.25], (400, 1))
    found = calibrate(np.array([0, 0, 0, 1] * 100), probabilities)
    assert found.expected_error == pytest.approx(0)
    assert found.overconfidence == pytest.approx(0)
    assert [(one.images, one.probability, one.right) for one in found.bins] == [(400, 0.75, 0.75)]


def test_errors_of_bins_are_weighted_by_images_and_do_not_cancel() -> None:
    probabilities = np.array([[0.9, 0.1]] * 3 + [[0.4, 0.6]])  # three are right of 3, none of 1
    found = calibrate(np.zeros(4, np.int64), probabilities)
    assert found.expected_error == pytest.approx((3 * 0.1 + 1 * 0.6) / 4)
    assert found.overconfidence == pytest.approx((3 * 0.9 + 0.6) / 4 - 0.75)


def test_bins_hold_their_upper_edge() -> None:
    edges = np.arange(8, BINS + 1) / BINS  # of the more probable of two classes
    found = calibrate(np.zeros(len(edges), np.int64), np.stack([edges, 1 - edges], axis=1))
    assert [one.probability for one in found.bins] == pytest.approx(edges)


def test_many_classes_and_float32_are_taken() -> None:
    draw = np.random.default_rng(0).random((500, 7), np.float32)
    labels = np.random.default_rng(1).integers(0, 7, 500)
    found = calibrate(labels, draw / draw.sum(axis=1, keepdims=True))
    assert sum(one.images for one in found.bins) == 500
    assert 0 < found.expected_error < 1
    assert found.expected_error >= abs(found.overconfidence) - 1e-12
