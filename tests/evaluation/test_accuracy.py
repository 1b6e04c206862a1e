# SPDX-License-Identifier: Apache-2.0
"""Accuracy and its intervals: published worked examples, properties, and coverage by simulation."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.evaluation.accuracy import (
    accuracy_loss,
    balanced_mean,
    class_scores,
    confusion_matrix,
    evaluate,
    newcombe,
    wilson,
)

counts = st.integers(0, 400)


def one_hot(predicted: list[int], classes: int = 3) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[predicted]


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_reproduces_a_published_table(successes: int, total: int, low: float, high: float) -> None:
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    assert wilson(successes, total) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        # Fagerland, Lydersen, Laake, "Statistical Analysis of Contingency Tables", chapter 8: complete
        # response before and after consolidation therapy; airways before and after transplantation.
        ((59, 6, 16, 80), -0.1186, -0.0046),
        ((1, 1, 7, 12), -0.5069, -0.0256),
    ],
)
def test_newcombe_reproduces_published_examples(table: tuple[int, ...], low: float, high: float) -> None:
    assert newcombe(*table) == pytest.approx((low, high), abs=5e-5)


@given(counts, counts, counts, counts)
def test_newcombe_holds_the_estimate_and_turns_with_the_order(a: int, b: int, c: int, d: int) -> None:
    total = a + b + c + d
    if total == 0:
        return
    low, high = newcombe(a, b, c, d)
    assert -1 - 1e-9 <= low <= (b - c) / total <= high <= 1 + 1e-9
    assert newcombe(a, c, b, d) == pytest.approx((-high, -low))


def test_newcombe_covers_the_truth_about_as_often_as_it_says() -> None:
    shares = (0.86, 0.05, 0.03, 0.06)
    tables = np.random.default_rng(5).multinomial(300, shares, size=4000).tolist()
    covered = [low <= 0.02 <= high for low, high in (newcombe(*table) for table in tables)]
    assert 0.94 < np.mean(covered) < 0.975


def test_no_difference_is_not_certainty() -> None:
    right = np.arange(300) % 10 > 0
    loss = accuracy_loss(right, right)
    assert loss.value == 0
    assert -2 < loss.ci95[0] < -0.1
    assert 0.1 < loss.ci95[1] < 2


def test_loss_is_positive_where_the_model_is_worse() -> None:
    reference, other = np.ones(200, bool), np.arange(200) >= 20
    loss = accuracy_loss(reference, other)
    assert loss.value == pytest.approx(10)
    assert 5 < loss.ci95[0] < 10 < loss.ci95[1] < 16


def test_four_copies_of_each_image_say_no_more_than_one() -> None:
    random = np.random.default_rng(1)
    reference, other = random.random(250) < 0.9, random.random(250) < 0.8
    one = accuracy_loss(reference, other)
    copies = accuracy_loss(np.repeat(reference, 4), np.repeat(other, 4), np.repeat(np.arange(250), 4))
    fooled = accuracy_loss(np.repeat(reference, 4), np.repeat(other, 4))
    assert np.ptp(copies.ci95) == pytest.approx(np.ptp(one.ci95), rel=0.1)
    assert np.ptp(fooled.ci95) == pytest.approx(np.ptp(one.ci95) / 2, rel=0.1)


def test_groups_of_one_image_change_nothing() -> None:
    reference, other = np.arange(60) > 5, np.arange(60) > 8
    assert accuracy_loss(reference, other, np.arange(60)) == accuracy_loss(reference, other)


def test_clustered_interval_is_not_a_point_where_no_image_differs() -> None:
    right = np.arange(100) % 5 > 0
    loss = accuracy_loss(right, right, np.arange(100) // 4)
    assert loss.ci95[0] < -0.1
    assert loss.ci95[1] > 0.1


def test_evaluate_scores_a_model_against_its_reference() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    reference = np.array([0, 0, 0, 0, 1, 1, 2, 0])
    scores = evaluate(labels, np.array([0, 0, 0, 1, 1, 0, 2, 0]), reference)
    assert scores.accuracy == 5 / 8
    assert scores.balanced_accuracy == pytest.approx((3 / 4 + 1 / 2 + 1 / 2) / 3)
    assert scores.accuracy_loss == pytest.approx(25)
    assert scores.agreement == 6 / 8
    assert json.loads(json.dumps(asdict(scores)))["accuracy_loss_ci95"] == list(scores.accuracy_loss_ci95)


def test_the_reference_loses_nothing_against_itself() -> None:
    scores = evaluate(np.array([0, 1, 2]), np.array([0, 1, 1]))
    assert (scores.accuracy_loss, scores.accuracy_loss_ci95, scores.agreement) == (0.0, (0.0, 0.0), 1.0)


def test_balanced_accuracy_leaves_out_a_class_without_images() -> None:
    assert evaluate(np.array([0, 0, 2]), np.array([0, 1, 2])).balanced_accuracy == 0.75


def test_confusion_matrix_counts_actual_by_predicted() -> None:
    matrix = confusion_matrix(np.array([0, 0, 1, 2]), np.array([0, 2, 1, 2]), 4)
    assert matrix.tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_class_scores_follow_from_the_matrix() -> None:
    first, second, third = class_scores(np.array([[8, 2, 0], [4, 6, 0], [0, 0, 0]]))
    assert first.precision is not None
    assert first.recall is not None
    assert first.f1 is not None
    assert first.precision.value == pytest.approx(8 / 12)
    assert first.precision.ci95 == wilson(8, 12)
    assert first.recall.value == pytest.approx(8 / 10)
    assert first.f1.value == pytest.approx(2 * 8 / (2 * 8 + 4 + 2))
    assert first.f1.ci95[0] < first.f1.value < first.f1.ci95[1]
    assert second.images == 10
    assert (third.images, third.precision, third.recall, third.f1) == (0, None, None, None)


def test_balanced_mean_averages_classes_then_cells() -> None:
    labels = np.array([0, 0, 0, 1, 0, 1])
    right = np.array([1, 1, 0, 0, 1, 1], float)
    cells = np.array(["a", "a", "a", "a", "b", "b"])
    estimate = balanced_mean(right, labels, np.arange(6), cells)
    assert estimate.value == pytest.approx(((2 / 3 + 0) / 2 + (1 + 1) / 2) / 2)
    assert estimate.ci95[0] <= estimate.value <= estimate.ci95[1]


def test_balanced_mean_leaves_out_a_class_that_a_cell_lacks() -> None:
    right, labels, cells = np.array([1.0, 0.0, 1.0]), np.array([0, 1, 2]), np.array([0, 0, 1])
    assert balanced_mean(right, labels, np.arange(3), cells).value == pytest.approx((0.5 + 1) / 2)


def test_balanced_mean_takes_repetitions_of_a_group_together() -> None:
    random = np.random.default_rng(3)
    right, labels = (random.random(200) < 0.8).astype(float), np.arange(200) % 2
    once = balanced_mean(right, labels, np.arange(200), np.zeros(200))
    thrice = balanced_mean(
        np.tile(right, 3), np.tile(labels, 3), np.tile(np.arange(200), 3), np.repeat(range(3), 200)
    )
    assert thrice.ci95 == pytest.approx(once.ci95)
    assert thrice.value == pytest.approx(once.value)


def test_intervals_repeat() -> None:
    random = np.random.default_rng(2)
    reference, other, groups = random.random(90) < 0.9, random.random(90) < 0.8, np.arange(90) // 3
    assert accuracy_loss(reference, other, groups) == accuracy_loss(reference, other, groups)
