# SPDX-License-Identifier: Apache-2.0
"""How a model fares in each group of images: a patient, a scanner, a site."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.evaluation.accuracy import Floats, wilson
from edgecnn.values import Count, Share


@dataclass(frozen=True)
class GroupScores:
    """The mean of a figure within each group, by variant; the worst group of the chosen variant first."""

    names: tuple[str, ...]
    images: tuple[Count, ...]  # of each group
    means: dict[str, tuple[Share, ...]]  # by variant, of each group


def score_groups(groups: npt.NDArray[Any], values: Mapping[str, Floats], chosen: str) -> GroupScores | None:
    """Average a figure of each image within groups; None where no group has two images.

    The worst group is not the one with the lowest mean, which as a rule has one image and chance against it,
    but the one whose 95% interval ends lowest: of it we are surest that it is bad. The interval is Wilson's;
    for Dice, which is no proportion, it is wider than it need be, since p (1 - p) bounds its variance.

    Args:
        groups: what each image belongs to, (n,).
        values: variant -> a figure of each image, 0 to 1, (n,); 1 where it is right and 0 elsewhere.
        chosen: the variant by which groups are ordered.
    """
    names, member, images = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) == len(groups):
        return None
    sums = {variant: np.bincount(member, figures) for variant, figures in values.items()}
    counted = zip(sums[chosen].tolist(), images.tolist(), strict=True)
    ends = [wilson(total, count)[1] for total, count in counted]
    order = np.argsort(ends, kind="stable")
    return GroupScores(
        tuple(str(name) for name in names[order]),
        tuple(images[order].tolist()),
        {variant: tuple((total / images)[order].tolist()) for variant, total in sums.items()},
    )
