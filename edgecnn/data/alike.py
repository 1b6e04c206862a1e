# SPDX-License-Identifier: Apache-2.0
"""Finding images that may be nearly the same among very many, without comparing each with each.

Of an image that is as good as another, a plane through the origin seldom parts the two: by the angle between
them over 180 degrees (M. Charikar, "Similarity estimation techniques from rounding algorithms", 2002). So
the sides of BITS planes that an image lies on are a key, under which those like it are found, in TABLES
tables of other planes. Of pairs whose correlation is 0.97, one in a thousand is missed, of 0.95 one in fifty,
of 0.90 one in four; what is found is compared exactly.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

TABLES, BITS = 32, 20
_PICKED = 2  # of those with the same key, in each orientation
_MOST = 2  # times as many pairs as images, from each table

Float = NDArray[np.float32]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def candidates(details: Float, table: int) -> Pairs:
    """Return pairs of images, by index, that have the same key in one of eight orientations, each pair once.

    Args:
        details: (N, side, side), each of length 1, or 0, which is like no other.
        table: the number of the planes.
    """
    draw = np.random.default_rng(table)
    planes = draw.normal(size=(*details.shape[1:], BITS)).astype(np.float32)
    alive = draw.permutation(np.flatnonzero(details.any(axis=(1, 2))))
    flat = details.reshape(len(details), -1)
    keys = _keys(flat, planes)[alive]
    order = np.argsort(keys, kind="stable")
    known, images = keys[order], alive[order]
    found = []
    for turned in _orientations(planes):
        asked = _keys(flat, turned)[images]
        first, end = (np.searchsorted(known, asked, side) for side in ("left", "right"))
        size = end - first
        for pick in range(_PICKED):
            place = first + (np.arange(len(images)) + 1 + pick) % np.maximum(size, 1)
            hit = size > 0
            found.append(np.stack([images[hit], images[place[hit]]]))
    return _once(np.concatenate(found, axis=1), _MOST * len(details), draw)


def _orientations(planes: Float) -> Iterator[Float]:
    for plane in (planes, planes.swapaxes(0, 1)):
        yield from (plane, plane[::-1], plane[:, ::-1], plane[::-1, ::-1])


def _keys(flat: Float, planes: Float) -> NDArray[np.int64]:
    """Return on which sides of planes, (side, side, BITS), images lie, (N,)."""
    sides = flat @ planes.reshape(flat.shape[1], -1) > 0
    return np.asarray(sides @ (1 << np.arange(BITS, dtype=np.int64)), np.int64)


def _once(pairs: NDArray[np.int64], most: int, draw: np.random.Generator) -> Pairs:
    """Return pairs, (2, P), the lower index first, each once and none of an image with itself."""
    pairs = np.unique(np.sort(pairs[:, pairs[0] != pairs[1]], axis=0), axis=1)
    if pairs.shape[1] > most:
        pairs = pairs[:, np.sort(draw.choice(pairs.shape[1], most, replace=False))]
    return pairs[0], pairs[1]
