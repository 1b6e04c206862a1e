# SPDX-License-Identifier: Apache-2.0
"""How well one number parts two classes, at every threshold and at the chosen one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.evaluation.accuracy import Estimate, Floats, Integers, cluster_bootstrap, wilson
from edgecnn.values import Count

SPECIFICITY = 0.9  # at which sensitivity is told


@dataclass(frozen=True)
class Curve:
    """Counts at each of `thresholds`; at the first one nothing is called positive."""

    true_positives: Floats  # (k + 1,)
    false_positives: Floats

    @property
    def sensitivity(self) -> Floats:
        """Share of the positive images that are called so."""
        return np.asarray(self.true_positives / self.true_positives[-1])

    @property
    def false_positive_rate(self) -> Floats:
        """Share of the negative images that are called positive: 1 - specificity."""
        return np.asarray(self.false_positives / self.false_positives[-1])

    @property
    def precision(self) -> Floats:
        """Share of the images called positive that are so; 1 where none is."""
        called = self.true_positives + self.false_positives
        return np.asarray(np.where(called > 0, self.true_positives / np.maximum(called, 1), 1.0))

    @property
    def auc(self) -> float:
        """Area under sensitivity over false positive rate: Mann-Whitney's statistic, ties counting half."""
        heights = (self.sensitivity[1:] + self.sensitivity[:-1]) / 2
        return float((np.diff(self.false_positive_rate) * heights).sum())

    @property
    def average_precision(self) -> float:
        """Mean of precision over sensitivity, without interpolation."""
        return float((np.diff(self.sensitivity) * self.precision[1:]).sum())

    def sensitivity_at(self, specificity: float) -> float:
        """Return the highest sensitivity with at least that specificity."""
        return float(self.sensitivity[self.false_positive_rate <= 1 - specificity + 1e-12].max())


@dataclass(frozen=True)
class CurveCounts:
    """A `Curve` as a file holds it."""

    true_positives: tuple[Count, ...]
    false_positives: tuple[Count, ...]

    @classmethod
    def of(cls, curve: Curve) -> "CurveCounts":
        """Return the counts of a curve."""
        return cls(tuple(curve.true_positives.tolist()), tuple(curve.false_positives.tolist()))

    def curve(self) -> Curve:
        """Return the curve that has these counts."""
        return Curve(np.array(self.true_positives), np.array(self.false_positives))

    def are_whole(self) -> bool:
        """Say whether there are as many of both, and images of both classes."""
        ends = self.true_positives[-1:] + self.false_positives[-1:]
        return len(self.true_positives) == len(self.false_positives) and len(ends) == 2 and 0 not in ends


@dataclass(frozen=True)
class BinaryScores:
    """What a report of two classes tells; the positive class is the second."""

    auc: Estimate
    average_precision: float
    sensitivity_at_90_specificity: Estimate
    threshold: float  # chosen on the validation images
    sensitivity: Estimate  # at the threshold
    specificity: Estimate


def curve(labels: Integers, scores: Floats, weights: Integers | None = None) -> Curve:
    """Count hits and false alarms at every threshold.

    Args:
        labels: 1 for a positive image, (n,); there has to be one of each.
        scores: higher means positive, (n,).
        weights: how often each image counts, (n,); None: once.
    """
    weights = np.ones(len(labels), np.int64) if weights is None else weights
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=-np.inf))  # the last image of each score
    positive = np.cumsum(weights[order] * labels[order])[ends]
    negative = np.cumsum(weights[order] * (1 - labels[order]))[ends]
    return Curve(np.concatenate([[0], positive]), np.concatenate([[0], negative]))


def thresholds(scores: Floats) -> Floats:
    """Return where a curve's counts change, the highest first: (k + 1,), the first is infinite."""
    return np.concatenate([[np.inf], np.unique(scores)[::-1]])


def choose_threshold(labels: Integers, scores: Floats) -> float:
    """Return the threshold with the highest balanced accuracy (Youden 1950), in the middle of its gap."""
    parted, levels = curve(labels, scores), [*thresholds(scores).tolist(), 0.0]
    best = int(np.argmax((parted.sensitivity - parted.false_positive_rate)[1:])) + 1
    return float(np.clip((levels[best] + levels[best + 1]) / 2, 0.001, 0.999))


def score_binary(
    labels: Integers, scores: Floats, threshold: float, groups: npt.NDArray[Any]
) -> BinaryScores:
    """Score one number an image against labels of 0 and 1; intervals of ranks are drawn by group."""
    called = scores >= threshold

    def drawn(figure: Callable[[Curve], float]) -> Estimate:
        value = figure(curve(labels, scores))

        def of(weights: Integers) -> float:
            both = weights[labels == 1].any() and weights[labels == 0].any()
            return figure(curve(labels, scores, weights)) if both else value

        return Estimate(value, cluster_bootstrap(of, groups))

    return BinaryScores(
        auc=drawn(lambda parted: parted.auc),
        average_precision=curve(labels, scores).average_precision,
        sensitivity_at_90_specificity=drawn(lambda parted: parted.sensitivity_at(SPECIFICITY)),
        threshold=threshold,
        sensitivity=_share(called[labels == 1]),
        specificity=_share(~called[labels == 0]),
    )


def _share(right: npt.NDArray[np.bool_]) -> Estimate:
    return Estimate(float(right.mean()), wilson(int(right.sum()), len(right)))
