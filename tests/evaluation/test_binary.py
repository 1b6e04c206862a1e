# SPDX-License-Identifier: Apache-2.0
"""Curves and thresholds of two classes, against counting by hand and scikit-learn."""

import numpy as np
import pytest

from edgecnn.evaluation.binary import choose_threshold, curve, score_binary, thresholds

metrics = pytest.importorskip("sklearn.metrics")
LABELS = np.array([0, 0, 1, 0, 1, 1, 0, 1])
SCORES = np.array([0.1, 0.4, 0.4, 0.2, 0.8, 0.9, 0.7, 0.3])


def test_counts_at_each_threshold() -> None:
    found = curve(LABELS, SCORES)
    assert thresholds(SCORES).tolist() == [np.inf, 0.9, 0.8, 0.7, 0.4, 0.3, 0.2, 0.1]
    assert found.true_positives.tolist() == [0, 1, 2, 2, 3, 4, 4, 4]
    assert found.false_positives.tolist() == [0, 0, 0, 1, 2, 2, 3, 4]
    assert found.sensitivity_at(0.9) == 0.5
    assert found.sensitivity_at(0.75) == 0.5
    assert found.sensitivity_at(0.5) == 1


@pytest.mark.parametrize("seed", range(5))
def test_areas_equal_those_of_scikit_learn(seed: int) -> None:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 2, 200)
    scores = np.round(draw.normal(labels, 2.0), 1)  # with ties
    weights = draw.integers(0, 4, 200)
    found = curve(labels, scores, weights)
    assert found.auc == pytest.approx(metrics.roc_auc_score(labels, scores, sample_weight=weights))
    expected = metrics.average_precision_score(labels, scores, sample_weight=weights)
    assert found.average_precision == pytest.approx(expected)


def test_the_chosen_threshold_lies_between_two_scores_and_parts_best() -> None:
    threshold = choose_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.3, 0.5, 0.9]))
    assert threshold == pytest.approx(0.4)
    assert choose_threshold(np.array([1, 0]), np.array([1.0, 0.0])) == pytest.approx(0.5)
    # Nothing parts these: everything is called positive, or nothing.
    assert 0 < choose_threshold(np.array([1, 0]), np.array([0.5, 0.5])) < 1


def test_scores_at_the_threshold_and_intervals_by_group() -> None:
    scores = score_binary(LABELS, SCORES, 0.5, np.arange(8) // 2)
    assert (scores.sensitivity.value, scores.specificity.value) == (0.5, 0.75)
    assert scores.auc.value == pytest.approx(metrics.roc_auc_score(LABELS, SCORES))
    assert 0 <= scores.auc.ci95[0] <= scores.auc.value <= scores.auc.ci95[1] <= 1
