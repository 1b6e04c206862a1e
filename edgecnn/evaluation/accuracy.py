# SPDX-License-Identifier: Apache-2.0
"""How often a model is right, and how far that number can be trusted.

Every interval is a 95% interval. A proportion gets Wilson's; the loss of accuracy against another
model on the same images gets Newcombe's for paired proportions, which is honest even where no image
differs; images that come in groups (slices of one scan) get a bootstrap that draws whole groups,
because they are not independent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.values import Share

Integers = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.floating[Any]]
Interval = tuple[float, float]

_Z = 1.959963984540054  # the normal distribution's 97.5% point
_RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A number and its 95% interval."""

    value: float
    ci95: Interval


@dataclass(frozen=True)
class Scores:
    """How right one model is, and how it compares with its reference; `dataclasses.asdict` is its JSON."""

    accuracy: Share
    balanced_accuracy: Share  # the mean recall of the classes that have images
    accuracy_loss: float  # percentage points, reference minus model: positive where the model is worse
    accuracy_loss_ci95: Interval
    agreement: Share  # the share of images on which model and reference give the same class


@dataclass(frozen=True)
class ClassScores:
    """How one class fares; None where there is nothing to count: no image, or no image predicted so."""

    images: int
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None


def evaluate(
    labels: Integers,
    predicted: Integers,
    reference: Integers | None = None,
    groups: npt.NDArray[Any] | None = None,
) -> Scores:
    """Score a model on images whose class is known.

    Args:
        labels: the true class of each image, (n,).
        predicted: the class that the model gives each image, (n,).
        reference: the classes that the model to compare with gives, (n,); None where this model is the
            reference, which loses nothing against itself and agrees with itself.
        groups: what each image belongs to, (n,); images of one group are not taken as independent.
    """
    correct = predicted == labels
    loss, agreement = Estimate(0.0, (0.0, 0.0)), 1.0
    if reference is not None:
        loss = accuracy_loss(reference == labels, correct, groups)
        agreement = float((predicted == reference).mean())
    return Scores(
        accuracy=float(correct.mean()),
        balanced_accuracy=float(np.mean([correct[labels == label].mean() for label in np.unique(labels)])),
        accuracy_loss=loss.value,
        accuracy_loss_ci95=loss.ci95,
        agreement=agreement,
    )


def confusion_matrix(labels: Integers, predicted: Integers, classes: int) -> npt.NDArray[np.int64]:
    """Count images by actual class (rows) and predicted class (columns): int64, (classes, classes)."""
    counts = np.bincount(labels.astype(np.int64) * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes)


def class_scores(confusion: npt.NDArray[np.int64]) -> list[ClassScores]:
    """Return precision, recall and F1 of each class of a confusion matrix (actual by predicted).

    F1 is no proportion, but it grows with one: F1 = 2F / (1 + F), where F is the share of hits among the
    images that are of the class, or predicted so, or both (Hand, Christen and Kirielle 2021, "F*: an
    interpretable transformation of the F-measure"). So its interval is that of F, transformed.
    """
    rows = []
    for index, hits in enumerate(confusion.diagonal().tolist()):
        actual, predicted = int(confusion[index].sum()), int(confusion[:, index].sum())
        union = _proportion(hits, actual + predicted - hits)
        f1 = union and Estimate(_f1(union.value), (_f1(union.ci95[0]), _f1(union.ci95[1])))
        rows.append(ClassScores(actual, _proportion(hits, predicted), _proportion(hits, actual), f1))
    return rows


def _f1(union: float) -> float:
    return 2 * union / (1 + union)


def _proportion(successes: int, total: int) -> Estimate | None:
    return Estimate(successes / total, wilson(successes, total)) if total else None


def wilson(successes: float, total: int) -> Interval:
    """Return Wilson's score interval of a proportion (Wilson 1927), without continuity correction."""
    p, z2 = successes / total, _Z * _Z
    centre = (p + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z * sqrt(p * (1 - p) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    return max(0.0, centre - half), min(1.0, centre + half)


def newcombe(both: int, first_only: int, second_only: int, neither: int) -> Interval:
    """Return the interval of the difference, first minus second, of two proportions on the same subjects.

    Method 10 of Newcombe 1998, "Improved confidence intervals for the difference between binomial
    proportions based on paired data", Statistics in Medicine 17: Wilson's intervals of the two
    proportions, combined with a continuity-corrected estimate of their correlation.
    """
    total = both + first_only + second_only + neither
    p1, p2 = (both + first_only) / total, (both + second_only) / total
    (low1, high1), (low2, high2) = wilson(both + first_only, total), wilson(both + second_only, total)
    phi = _phi(both, first_only, second_only, neither)
    below = _combine(p1 - low1, high2 - p2, phi)
    above = _combine(high1 - p1, p2 - low2, phi)
    return p1 - p2 - below, p1 - p2 + above


def _combine(a: float, b: float, phi: float) -> float:
    # a = b and phi = 1 would be zero but for rounding, which may fall below it.
    return sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))


def _phi(both: int, first_only: int, second_only: int, neither: int) -> float:
    total = both + first_only + second_only + neither
    margins = (both + first_only) * (second_only + neither) * (both + second_only) * (first_only + neither)
    numerator = float(both * neither - first_only * second_only)
    if numerator > 0:
        numerator = max(0.0, numerator - total / 2)
    return numerator / sqrt(margins) if margins else 0.0


def accuracy_loss(
    reference: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_], groups: npt.NDArray[Any] | None = None
) -> Estimate:
    """Return how many percentage points of accuracy `other` loses against `reference` on the same images.

    Where a group holds several images, each end of the interval is the farther one of Newcombe's and of a
    bootstrap over groups: the first does not know of groups, the second is too sure where few images differ.

    Args:
        reference: whether the reference is right, (n,).
        other: whether the other model is right, (n,).
        groups: what each image belongs to, (n,).
    """
    loss: Floats = reference.astype(np.float64) - other
    low, high = newcombe(
        int((reference & other).sum()),
        int((reference & ~other).sum()),
        int((~reference & other).sum()),
        int((~reference & ~other).sum()),
    )
    if groups is not None and len(np.unique(groups)) < len(groups):
        ends = cluster_bootstrap(lambda weights: float(np.average(loss, weights=weights)), groups)
        low, high = min(low, ends[0]), max(high, ends[1])
    return Estimate(100 * float(loss.mean()), (100 * low, 100 * high))


def balanced_mean(
    values: Floats, labels: Integers, groups: npt.NDArray[Any], cells: npt.NDArray[Any]
) -> Estimate:
    """Return the mean over cells of the mean over classes of `values`, with an interval by groups.

    This is the figure of a cross-validation table: one row for each image in each repetition, one cell for
    each fold of each repetition. `values` of 1 where a model is right and 0 elsewhere give its balanced
    accuracy; the difference of two models' gives the paired loss of balanced accuracy.

    Args:
        values: what to average, (rows,).
        labels: the true class, (rows,).
        groups: what the image belongs to, (rows,); drawn whole, over all cells, by the bootstrap.
        cells: which fold and repetition the row is from, (rows,).
    """
    _, cell = np.unique(cells, return_inverse=True)

    def statistic(weights: Integers) -> float:
        return _balanced(values, labels, cell, weights)

    return Estimate(statistic(np.ones(len(values), np.int64)), cluster_bootstrap(statistic, groups))


def _balanced(values: Floats, labels: Integers, cells: Integers, weights: Integers) -> float:
    shape = int(cells.max()) + 1, int(labels.max()) + 1
    index = cells * shape[1] + labels
    sums = np.bincount(index, weights * values, minlength=shape[0] * shape[1])
    counts = np.bincount(index, weights, minlength=shape[0] * shape[1])
    # The quotient is masked where a cell has no image of a class: that class is left out of its mean.
    return float(np.ma.divide(sums, counts).reshape(shape).mean(axis=1).mean())


def cluster_bootstrap(statistic: Callable[[Integers], float], groups: npt.NDArray[Any]) -> Interval:
    """Return the percentile interval of a statistic when whole groups are drawn with replacement.

    Args:
        statistic: takes how often each image was drawn, (n,), and returns the figure.
        groups: what each image belongs to, (n,).
    """
    names, member = np.unique(groups, return_inverse=True)
    random = np.random.default_rng(0)  # fixed, so that a report can be made again
    figures = []
    for _ in range(_RESAMPLES):
        drawn = random.integers(len(names), size=len(names))
        figures.append(statistic(np.bincount(drawn, minlength=len(names))[member]))
    low, high = np.percentile(figures, (2.5, 97.5))
    return float(low), float(high)
