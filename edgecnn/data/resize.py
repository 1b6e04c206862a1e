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
_BLOCK = 8  # outputs made of one window: more share their inputs, but meet more weights that are zero
_INPUTS = 1 << 17  # gathered at once, at most, and bytes turned at once: they stay in the cache
_PRODUCTS = 1 << 18  # of one window, at most: BLAS starts no threads of its own for them


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
    narrow = np.empty((rows, width * channels), np.uint8)
    band = max(1, _INPUTS // (columns * channels))
    for start in range(0, rows, band):
        part = image[start : start + band]
        turned = part.transpose(1, 2, 0).reshape(columns, -1)  # what follows works along the first axis
        narrow[start : start + band] = _resize_first_axis(turned, width).reshape(width * channels, -1).T
    return _resize_first_axis(narrow, height).reshape(height, width, channels)


def _resize_first_axis(values: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize (M, N) bytes to (size, N) bytes, window by window, all windows in one product."""
    inputs, weights = _windows(len(values), size)
    out = np.empty((len(weights) * _BLOCK, values.shape[1]), np.uint8)
    step = max(1, min(_INPUTS // inputs.size, _PRODUCTS // weights[0].size))
    for start in range(0, values.shape[1], step):
        part = slice(start, start + step)
        sums = weights @ values[inputs, part].astype(np.float32)
        sums += np.float32(0.5)
        out[:, part] = sums.reshape(len(out), -1)  # becoming bytes, they lose their fractions
    return out[:size]


@lru_cache(maxsize=256)
def _windows(size_in: int, size_out: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the K inputs of each _BLOCK of outputs, (blocks, K), and their weights, (blocks, _BLOCK, K)."""
    weights = _weights(size_in, size_out)
    weights = np.pad(weights, ((0, -size_out % _BLOCK), (0, 0))).reshape(-1, _BLOCK, size_in)
    used = weights.any(axis=1)
    first = used.argmax(axis=1)
    end = size_in - used[:, ::-1].argmax(axis=1)
    length = int((end - first).max())
    inputs = np.minimum(first, size_in - length)[:, None] + np.arange(length, dtype=np.int64)
    return inputs, np.take_along_axis(weights, inputs[:, None], axis=2)


def _weights(size_in: int, size_out: int) -> NDArray[np.float32]:
    """Return the weight of each input in each output, w[i] / ONE, (size_out, size_in)."""
    # int64 by name: on a 32-bit machine arange counts in 32 bits, too few for a large picture.
    inputs, outputs = np.arange(size_in, dtype=np.int64), np.arange(size_out, dtype=np.int64)[:, None]
    distance = np.abs((2 * inputs + 1) * size_out - (2 * outputs + 1) * size_in)
    tent = np.maximum(0, 2 * max(size_in, size_out) - distance)
    sums = np.pad(tent.cumsum(axis=1), ((0, 0), (1, 0)))
    edges = (2 * ONE * sums + sums[:, -1:]) // (2 * sums[:, -1:])
    return (np.diff(edges, axis=1) / ONE).astype(np.float32)
