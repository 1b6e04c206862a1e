# SPDX-License-Identifier: Apache-2.0
"""Finding pictures that occur twice, even if scaled, recompressed, recoloured, mirrored or turned by 90°.

Thumbnails of 32 x 32 grey pixels lose their 3 x 3 local mean, so that what counts is the detail and not
where a bright object lies, and are compared by correlation in all eight orientations. On the real packs,
SIMILAR leaves no false alarm: among 2,750 skin pictures the 17 pairs above it are the same photographs (12 of
them known before) and the first pair of different ones scores 0.876; of 3,000 of the built-in phantoms the
closest two score 0.80, though all share one anatomy; neighbouring slices of one CT scan score above it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.alike import TABLES, candidates
from edgecnn.progress import Progress, silent

SIMILAR = 0.90
_FLAT = 0.5  # a picture whose detail deviates by less than this many levels looks like every other such one
_BLOCK = 256
_PAIRS = 4096
EACH_WITH_EACH = 12_000  # images up to which each is compared with each; more, with those of the same keys

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """Two images, by index, the first below the second."""

    first: int
    second: int
    similarity: float


def exact_groups(digests: Sequence[str]) -> list[tuple[int, ...]]:
    """Return the indices of images that are equal to the last bit, group by group."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, digest in enumerate(digests):
        groups[digest].append(index)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def near_pairs(
    thumbnails: NDArray[np.uint8], kinds: Sequence[NDArray[np.int64]], progress: Progress = silent
) -> list[list[Pair]]:
    """Find for each image the one of another kind that is most like it, if as good as the same.

    Only the best of each image is kept: at most N pairs, where a film of N frames would have N squared. Of
    more than EACH_WITH_EACH images, some pairs that are just similar enough may be missed: see alike.py.

    Args:
        thumbnails: (N, 32, 32), grey.
        kinds: (N,) each, for instance the part of each image; numbers of its own find pairs anywhere.
        progress: told of every block of images.

    Returns:
        For each of `kinds` the pairs, best first.
    """
    details = _details(thumbnails)
    upright, turned = _parities(details), _parities(details.swapaxes(1, 2))
    if len(details) > EACH_WITH_EACH:
        return [_listed(pairs) for pairs in _among_candidates(details, upright, turned, kinds, progress)]
    similar: list[dict[tuple[int, int], float]] = [{} for _ in kinds]
    for start in range(0, len(details), _BLOCK):
        rows = slice(start, start + _BLOCK)
        alike = np.maximum(_correlations(upright[:, rows], upright), _correlations(turned[:, rows], upright))
        for pairs, kind in zip(similar, kinds, strict=True):
            pairs.update(_best(np.where(kind[rows, None] == kind, np.float32(-1), alike), start))
        progress("comparing images", min(start + _BLOCK, len(details)), len(details))
    return [_listed(pairs) for pairs in similar]


def _listed(pairs: dict[tuple[int, int], float]) -> list[Pair]:
    listed = [Pair(*ends, similarity) for ends, similarity in pairs.items()]
    return sorted(listed, key=lambda pair: (-pair.similarity, pair.first, pair.second))


def _among_candidates(
    details: Float, upright: Float, turned: Float, kinds: Sequence[NDArray[np.int64]], progress: Progress
) -> list[dict[tuple[int, int], float]]:
    """Return what `near_pairs` finds by comparing only images with the same key: see alike.py."""
    best = [(np.full(len(details), SIMILAR - 1e-6), np.full(len(details), -1)) for _ in kinds]
    for table in range(TABLES):
        pairs = candidates(details, table)
        alike = _each_correlation(upright, turned, *pairs)
        for (similarity, other), kind in zip(best, kinds, strict=True):
            unlike = kind[pairs[0]] != kind[pairs[1]]
            for ends in (pairs, pairs[::-1]):
                _keep_best(similarity, other, ends[0][unlike], ends[1][unlike], alike[unlike])
        progress("comparing images", table + 1, TABLES)
    return [
        {
            (min(one, int(other)), max(one, int(other))): round(float(similarity), 4)
            for one, (similarity, other) in enumerate(zip(*found, strict=True))
            if other >= 0
        }
        for found in best
    ]


def _keep_best(
    similarity: NDArray[np.float64], other: NDArray[np.int64], ones: NDArray[np.int64],
    others: NDArray[np.int64], alike: Float,
) -> None:  # fmt: skip
    """Enter pairs that are more alike than what is known of the first of each."""
    order = np.argsort(alike, kind="stable")
    order = order[alike[order] > similarity[ones[order]]]  # of several of an image the last one stays
    similarity[ones[order]], other[ones[order]] = alike[order], others[order]


def _each_correlation(
    upright: Float, turned: Float, first: NDArray[np.int64], second: NDArray[np.int64]
) -> Float:
    """Return the best correlation of each pair of images over all eight orientations, (P,)."""
    alike = np.empty(len(first), np.float32)
    for start in range(0, len(first), _PAIRS):
        part = slice(start, start + _PAIRS)
        one, other = first[part], second[part]
        alike[part] = np.maximum(
            *(
                _mirrored(*np.einsum("kpd,kpd->kp", own[:, one], upright[:, other]))
                for own in (upright, turned)
            )
        )
    return alike


def _details(thumbnails: NDArray[np.uint8]) -> Float:
    """Return (N, 32, 32): each thumbnail less its local mean, as a vector of length 1, or 0 if it is flat."""
    local = thumbnails.astype(np.float32)
    for axis in (1, 2):
        pad = [(1, 1) if axis == a else (0, 0) for a in range(3)]
        padded = np.pad(local, pad, mode="edge").swapaxes(axis, 0)
        local = ((padded[:-2] + padded[1:-1] + padded[2:]) / 3).swapaxes(axis, 0)
    details = thumbnails - local
    details -= details.mean(axis=(1, 2), keepdims=True)
    length = np.sqrt((details * details).sum(axis=(1, 2), keepdims=True))
    enough = length > _FLAT * thumbnails.shape[1]
    return np.asarray(np.where(enough, details / np.maximum(length, 1), 0), np.float32)


def _parities(images: Float) -> Float:
    """Split (N, 32, 32) into what is even and odd in rows and in columns, (4, N, 256); products are kept."""
    half = images.shape[1] // 2
    rows = [images[:, :half] + sign * images[:, : half - 1 : -1] for sign in (1, -1)]
    parts = [part[:, :, :half] + sign * part[:, :, : half - 1 : -1] for part in rows for sign in (1, -1)]
    return np.asarray(np.stack(parts).reshape(4, len(images), -1) / 2, np.float32)


def _correlations(some: Float, others: Float) -> Float:
    """Return (S, N): the best correlation of four mirrorings, from parities (4, S, 256) and (4, N, 256).

    Mirroring by columns flips the sign of what is odd in columns, by rows of what is odd in rows, so that all
    four cost the multiplications of one.
    """
    return _mirrored(*(some @ others.transpose(0, 2, 1)))


def _mirrored(even: Float, by_columns: Float, by_rows: Float, by_both: Float) -> Float:
    """Return the best of four mirrorings, of products of what is even, and odd in columns, rows or both."""
    kept = even + by_rows + np.abs(by_columns + by_both)  # mirrored by columns or not
    flipped = even - by_rows + np.abs(by_columns - by_both)
    return np.asarray(np.maximum(kept, flipped), np.float32)


def _best(alike: Float, start: int) -> Iterator[tuple[tuple[int, int], float]]:
    """Yield each row's image and the one most similar to it, lower index first, if similar enough."""
    for row, column in enumerate(alike.argmax(axis=1)):
        if alike[row, column] >= SIMILAR:
            ends = sorted((start + row, int(column)))
            yield (ends[0], ends[1]), round(float(alike[row, column]), 4)
