# SPDX-License-Identifier: Apache-2.0
"""How well one number parts two classes, at every threshold and at the chosen one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.evaluation.accuracy import Estimate, Floats, Integers, cluster_bootstrap, wilson

SPECIFICITY = 0.9  # at which sensitivity is told


@dataclass(frozen=True)
class Curve:
    """Counts at every threshold, the highest first; at the first one nothing is called positive."""

    thresholds: Floats  # (k + 1,), the first is infinite
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
    thresholds = np.concatenate([[np.inf], scores[order][ends]])
    return Curve(thresholds, np.concatenate([[0], positive]), np.concatenate([[0], negative]))


def choose_threshold(labels: Integers, scores: Floats) -> float:
    """Return the threshold with the highest balanced accuracy (Youden 1950), in the middle of its gap."""
    found = curve(labels, scores)
    best = int(np.argmax((found.sensitivity - found.false_positive_rate)[1:])) + 1
    below = found.thresholds[best + 1] if best + 1 < len(found.thresholds) else 0.0
    return float(np.clip((found.thresholds[best] + below) / 2, 0.001, 0.999))


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
        auc=drawn(lambda found: found.auc),
        average_precision=curve(labels, scores).average_precision,
        sensitivity_at_90_specificity=drawn(lambda found: found.sensitivity_at(SPECIFICITY)),
        threshold=threshold,
        sensitivity=_share(called[labels == 1]),
        specificity=_share(~called[labels == 0]),
    )


def _share(right: npt.NDArray[np.bool_]) -> Estimate:
    return Estimate(float(right.mean()), wilson(int(right.sum()), len(right)))
