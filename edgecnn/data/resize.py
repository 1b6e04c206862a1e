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
_BLOCK = (
    16  # outputs that are computed together: more share their inputs, but meet more weights that are zero
)
_PRODUCTS = 1 << 18  # at once, at most: that stays in the cache, and BLAS starts no threads of its own for it


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn (H, W, 3) RGB bytes into (H, W, 1) grey bytes by the rule at the top of this file."""
    luma = image.astype(np.float32) @ (np.array([[77], [150], [29]], np.float32) / 256)  # exact, as in resize
    return (luma + np.float32(0.5)).astype(np.uint8)


def resize(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize (H, W, C) bytes to (height, width, C) bytes by the rule at the top of this file.

    It is computed as products of float32 matrices, which are exact here: every product and every sum of them
    is a multiple of 1/ONE of at most 255, so 22 bits long, and a float32 holds 24.
    """
    rows, columns, channels = image.shape
    if (rows, columns) == (height, width):
        return image
    narrow = _resize_first_axis(image.reshape(rows, columns * channels).T, width, channels).T
    return _resize_first_axis(narrow, height, 1).reshape(height, width, channels)


def _resize_first_axis(values: NDArray[np.uint8], size: int, channels: int) -> NDArray[np.uint8]:
    """Resize (N * channels, M) bytes to (size * channels, M) bytes."""
    out = np.empty((size * channels, values.shape[1]), np.uint8)
    for outputs, inputs, weights in _blocks(len(values) // channels, size, channels):
        step = max(1, _PRODUCTS // weights.size)
        for start in range(0, values.shape[1], step):
            part = slice(start, start + step)
            sums = weights @ values[inputs, part].astype(np.float32)
            out[outputs, part] = sums + np.float32(0.5)  # becoming bytes, they lose their fractions
    return out


@lru_cache(maxsize=256)
def _blocks(size_in: int, size_out: int, channels: int) -> list[tuple[slice, slice, NDArray[np.float32]]]:
    """Return which outputs are made of which inputs, a few at a time, and the weights between them."""
    weights = _weights(size_in, size_out)
    blocks = []
    for start in range(0, size_out, _BLOCK):
        block = weights[start : start + _BLOCK]
        used = np.flatnonzero(block.any(axis=0))
        first, end = int(used[0]), int(used[-1]) + 1
        outputs = slice(start * channels, (start + len(block)) * channels)
        each = np.kron(block[:, first:end], np.eye(channels, dtype=np.float32))  # channels stay apart
        blocks.append((outputs, slice(first * channels, end * channels), each))
    return blocks


def _weights(size_in: int, size_out: int) -> NDArray[np.float32]:
    """Return the weight of each input in each output, w[i] / ONE, (size_out, size_in)."""
    # int64 by name: on a 32-bit machine arange counts in 32 bits, too few for a large picture.
    inputs, outputs = np.arange(size_in, dtype=np.int64), np.arange(size_out, dtype=np.int64)[:, None]
    distance = np.abs((2 * inputs + 1) * size_out - (2 * outputs + 1) * size_in)
    tent = np.maximum(0, 2 * max(size_in, size_out) - distance)
    sums = np.pad(tent.cumsum(axis=1), ((0, 0), (1, 0)))
    edges = (2 * ONE * sums + sums[:, -1:]) // (2 * sums[:, -1:])
    return (np.diff(edges, axis=1) / ONE).astype(np.float32)
