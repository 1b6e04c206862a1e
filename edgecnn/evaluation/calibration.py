# SPDX-License-Identifier: Apache-2.0
"""Whether a model is right as often as its probabilities say.

The reliability diagram and the expected calibration error of Guo et al. 2017, "On calibration of modern
neural networks", arXiv:1706.04599: of the most probable class, in 15 bins of equal width.
"""

from dataclasses import dataclass

import numpy as np

from edgecnn.evaluation.accuracy import Floats, Integers
from edgecnn.values import Count, Share

BINS = 15


@dataclass(frozen=True)
class Bin:
    """The images whose most probable class has a probability within one bin."""

    images: Count
    probability: Share  # mean of the most probable class
    right: Share  # share of the images of which that class is the true one


@dataclass(frozen=True)
class Calibration:
    """How far probabilities are from shares; `dataclasses.asdict` is its JSON."""

    expected_error: Share  # mean of |probability - right| over bins, weighted by images
    overconfidence: float  # -1 to 1: mean probability minus the share that is right
    bins: tuple[Bin, ...]  # those that hold images, by probability


def calibrate(labels: Integers, probabilities: Floats) -> Calibration:
    """Compare the probability of the most probable class with how often it is the true one.

    Args:
        labels: the true class of each image, (n,).
        probabilities: of each class, (n, classes).
    """
    highest = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    # Bin m holds the probabilities in ((m - 1) / 15, m / 15], as in the paper.
    index = np.clip(np.ceil(highest * BINS).astype(int) - 1, 0, BINS - 1)
    bins = tuple(
        Bin(int(held.sum()), float(highest[held].mean()), float(right[held].mean()))
        for held in (index == number for number in range(BINS))
        if held.any()
    )
    return Calibration(
        expected_error=sum(part.images * abs(part.probability - part.right) for part in bins) / len(labels),
        overconfidence=float(highest.mean() - right.mean()),
        bins=bins,
    )
