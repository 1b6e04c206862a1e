# SPDX-License-Identifier: Apache-2.0
"""Dividing images into parts, so that each part holds each class in its share and no group is torn apart."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def split_by_group(
    labels: Sequence[int], groups: Sequence[str], fractions: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Divide samples into parts, stratified by label, with no group in two parts.

    Groups come in random order, and each goes where it brings the parts' counts of its classes closest to
    their shares (least squares, relative to the share); for groups of one image this is Sainte-Laguë's
    apportionment. A class of at least as many groups as there are parts is found in each of them, if no
    group holds several classes. The order is Python's random.Random's, the same under every NumPy.

    Args:
        labels: one label per sample.
        groups: one name per sample; samples of one group (a patient, a scan) stay together.
        fractions: the share of each part; they add up to 1.
        seed: the same seed gives the same parts.

    Returns:
        The part of each sample, (N,).
    """
    contents: dict[str, Counter[int]] = defaultdict(Counter)
    for label, group in zip(labels, groups, strict=True):
        contents[group][label] += 1
    order = sorted(contents)
    random.Random(seed).shuffle(order)
    part_of = _assign([contents[group] for group in order], Counter(labels), fractions)
    parts = dict(zip(order, part_of, strict=True))
    return np.array([parts[group] for group in groups], np.int64)


def _assign(contents: list[Counter[int]], totals: Counter[int], fractions: Sequence[float]) -> list[int]:
    """Return the part of each group, given its number of samples per label."""
    held: list[Counter[int]] = [Counter() for _ in fractions]
    to_come = Counter(label for counts in contents for label in counts)  # groups, per label
    assigned = []
    for counts in contents:
        empty = {label: [p for p, part in enumerate(held) if not part[label]] for label in counts}
        # Once as many groups are left as parts lack the class, each of them must go to such a part.
        urgent = [part for label, parts in empty.items() if to_come[label] <= len(parts) for part in parts]
        part = min(
            urgent or range(len(fractions)), key=lambda p: _cost(counts, held[p], totals, fractions[p])
        )
        held[part].update(counts)
        to_come.subtract(counts.keys())
        assigned.append(part)
    return assigned


def _cost(counts: Counter[int], held: Counter[int], totals: Counter[int], fraction: float) -> float:
    """Return by how much (held - share)^2 / share, summed over labels, grows when `counts` joins a part."""
    return sum(
        count * (2 * held[label] + count) / (fraction * totals[label]) - 2 * count
        for label, count in counts.items()
    )
