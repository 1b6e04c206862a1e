# SPDX-License-Identifier: Apache-2.0
"""The one rule by which pixels become the model's input, in integers only, so that C repeats it to the byte.

Grey first, then resize. Grey is luma in 8 bits (ITU-R BT.601 weights, which add up to 256):

    grey = (77 * red + 150 * green + 29 * blue + 128) >> 8

Resizing is a tent (triangle) filter as wide as the reduction, so that shrinking does not alias; where the
picture grows it is bilinear. It runs along the rows, rounds to 8 bits, then runs along the columns
(P. Heckbert, "Fundamentals of Texture Mapping and Image Warping", 1989, section 3.5). Along an axis of `n`
samples that becomes `m`, for each output `o`:

    tent[i] = max(0, 2 * max(n, m) - abs((2*i + 1) * m - (2*o + 1) * n))           0 <= i < n
    sum[i]  = tent[0] + ... + tent[i - 1]
    edge[i] = (2 * 16384 * sum[i] + sum[n]) / (2 * sum[n])                         rounded down
    w[i]    = edge[i + 1] - edge[i]
    out[o]  = (w[0] * in[0] + ... + w[n - 1] * in[n - 1] + 8192) >> 14

The tent is the real one times 2m; pixel i has its centre at i + 1/2; taps outside of the picture are left
out. As the running sum is what is rounded, weights are never negative and add up to exactly 16384, at any
ratio: nothing needs to be clamped, and a flat picture stays flat.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BITS = 14
ONE = 1 << BITS


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn (H, W, 3) RGB bytes into (H, W, 1) grey bytes by the rule at the top of this file."""
    luma = image.astype(np.uint16) @ np.array([[77], [150], [29]], np.uint16)
    return ((luma + 128) >> 8).astype(np.uint8)


def resize(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize (H, W, C) bytes to (height, width, C) bytes by the rule at the top of this file."""
    columns = _resize_first_axis(image.swapaxes(0, 1), width)
    return _resize_first_axis(columns.swapaxes(0, 1), height)


def _resize_first_axis(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize (N, M, C) bytes to (size, M, C)."""
    image = np.ascontiguousarray(image)
    total = np.full((size, *image.shape[1:]), ONE // 2, np.int32)
    for indices, weights in zip(*_taps(len(image), size), strict=True):
        total += image[indices] * weights[:, None, None]
    return (total >> BITS).astype(np.uint8)


@lru_cache(maxsize=256)
def _taps(size_in: int, size_out: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return which inputs each output is made of, and their weights, both (taps, size_out)."""
    # int64 by name: on a 32-bit machine arange counts in 32 bits, too few for a large picture.
    inputs, outputs = np.arange(size_in, dtype=np.int64), np.arange(size_out, dtype=np.int64)[:, None]
    distance = np.abs((2 * inputs + 1) * size_out - (2 * outputs + 1) * size_in)
    tent = np.maximum(0, 2 * max(size_in, size_out) - distance)
    sums = np.pad(tent.cumsum(axis=1), ((0, 0), (1, 0)))
    edges = (2 * ONE * sums + sums[:, -1:]) // (2 * sums[:, -1:])
    weights = np.diff(edges, axis=1)
    # Each output takes as many taps as the busiest one needs; the surplus ones weigh nothing.
    used = weights != 0
    count = int((size_in - used[:, ::-1].argmax(axis=1) - used.argmax(axis=1)).max())
    first = np.minimum(used.argmax(axis=1), size_in - count)
    indices = first + np.arange(count)[:, None]
    return indices, weights[np.arange(size_out), indices].astype(np.int32)
