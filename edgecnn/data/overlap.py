# SPDX-License-Identifier: Apache-2.0
"""Finding windows of numbers that overlap: cut from one recording with steps shorter than they are.

Eight moments on end, value by value, are as good as a fingerprint. Each window is known by the few of its
fingerprints whose hashes are least (A. Broder, "On the resemblance and containment of documents", 1997), so
that windows that overlap have some in common, and the work grows with the number of windows alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.duplicates import Pair

MOMENTS = 8  # on end that no two recordings share by chance
LEAST = 0.1  # of a window that another shares
_SKETCH = 16  # fingerprints that a window is known by
_COMMON = 64  # windows that share a fingerprint: more have nothing in it but noise of the sensor at rest
_ODD = np.random.default_rng(0).integers(0, 1 << 63, 1 << 12, np.uint64) * np.uint64(2) + np.uint64(1)

Hashes = NDArray[np.uint64]


def fingerprints(sample: NDArray[np.float32]) -> Hashes:
    """Return the hashes, sorted, of eight moments on end of a window, (length, ...), if they differ."""
    if sample.ndim < 2 or len(sample) < MOMENTS:
        return np.empty(0, np.uint64)
    words = np.ascontiguousarray(sample.reshape(len(sample), -1)).view(np.uint32).astype(np.uint64)
    rows = _mixed((words * np.resize(_ODD, words.shape[1])).sum(axis=1, dtype=np.uint64))
    windows = np.lib.stride_tricks.sliding_window_view(rows, MOMENTS)
    moving = (windows != windows[:, :1]).any(axis=1)
    hashes: Hashes = np.unique(_mixed((windows * _ODD[:MOMENTS]).sum(axis=1, dtype=np.uint64))[moving])
    return hashes


def _mixed(hashes: Hashes) -> Hashes:
    hashes = np.asarray((hashes ^ (hashes >> np.uint64(29))) * _ODD[0], np.uint64)
    return np.asarray(hashes ^ (hashes >> np.uint64(32)), np.uint64)


def overlapping(prints: Sequence[Hashes], kinds: Sequence[NDArray[np.int64]]) -> list[list[Pair]]:
    """Find for each window the one of another kind that it shares most with, as `near_pairs` does of images.

    Args:
        prints: of each of N windows.
        kinds: (N,) each, for instance the part of each window; numbers of its own find pairs anywhere.

    Returns:
        For each of `kinds` the pairs, those that share most first; their similarity is the part shared.
    """
    by_print = defaultdict(list)
    for number, hashes in enumerate(prints):
        for value in hashes[:_SKETCH].tolist():
            by_print[value].append(number)
    shared: list[dict[int, Counter[int]]] = [defaultdict(Counter) for _ in kinds]
    for numbers in by_print.values():
        if 1 < len(numbers) <= _COMMON:
            for counters, kind in zip(shared, kinds, strict=True):
                for one, other in _of_other_kinds(numbers, kind):
                    counters[one][other] += 1
    return [_best(prints, counters) for counters in shared]


def _of_other_kinds(numbers: Sequence[int], kind: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    for one in numbers:
        yield from ((one, other) for other in numbers if kind[one] != kind[other])


def _best(prints: Sequence[Hashes], shared: dict[int, Counter[int]]) -> list[Pair]:
    pairs = {}
    for one, others in shared.items():
        [(other, _)] = others.most_common(1)
        common = len(np.intersect1d(prints[one], prints[other], assume_unique=True))
        share = round(common / max(len(prints[one]), len(prints[other])), 4)
        if share >= LEAST:
            pairs[min(one, other), max(one, other)] = share
    found = [Pair(*ends, share) for ends, share in pairs.items()]
    return sorted(found, key=lambda pair: (-pair.similarity, pair.first, pair.second))
