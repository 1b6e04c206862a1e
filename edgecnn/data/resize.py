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

Where "bilinear" is asked for, as networks have it that saw their pictures by tf.image.resize, with half-pixel
centres and no filter against aliasing, an output is made of two samples, or at the borders of one:

    p = (2*o + 1) * n - m        i = p / (2*m), rounded down        f = p - 2*m * i
    w[i + 1] = (2 * 16384 * f + 2*m) / (4*m), rounded down          w[i] = 16384 - w[i + 1]

Of a picture of another shape than the model's input, (height, width), "crop" takes the middle that has its
shape, as Keras's crop_to_aspect_ratio does, and "pad" makes the whole as large as fits, as
tf.image.resize_with_pad does, between black bars. Everything is rounded down:

    crop    columns = rows_of_picture * width / height      of a picture that is wider; rows likewise
    pad     rows = rows_of_picture * width / columns_of_picture      the same; columns likewise
    neither is less than 1; before it half of what is left over, for pad before its rows were rounded down
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Fitting

BITS = 14
ONE = 1 << BITS
_BLOCK = 8  # outputs made of one window: more share their inputs, but meet more weights that are zero
_INPUTS = 1 << 17  # gathered at once, at most, and bytes turned at once: they stay in the cache
_PRODUCTS = 1 << 18  # of one window, at most: BLAS starts no threads of its own for them


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn (H, W, 3) RGB bytes into (H, W, 1) grey bytes by the rule at the top of this file."""
    luma = image.astype(np.float32) @ (np.array([[77], [150], [29]], np.float32) / 256)  # exact, as in resize
    return (luma + np.float32(0.5)).astype(np.uint8)


def fit(image: NDArray[np.uint8], height: int, width: int, fitting: Fitting) -> NDArray[np.uint8]:
    """Bring (H, W, C) bytes to (height, width, C) bytes by the rules at the top of this file."""
    rows, columns, channels = image.shape
    if fitting.fit == "crop":
        high, wide = middle(rows, columns, height, width)
        top, left = (rows - high) // 2, (columns - wide) // 2
        image = image[top : top + high, left : left + wide]
    if fitting.fit != "pad":
        return resize(image, height, width, fitting.resize)
    high, wide = middle(height, width, rows, columns)
    top = max(0, (height * columns - rows * width) // (2 * columns))
    left = max(0, (width * rows - columns * height) // (2 * rows))
    padded = np.zeros((height, width, channels), np.uint8)
    padded[top : top + high, left : left + wide] = resize(image, high, wide, fitting.resize)
    return padded


def middle(rows: int, columns: int, height: int, width: int) -> tuple[int, int]:
    """Return the largest part of (rows, columns), neither less than 1, of the shape of (height, width)."""
    if columns * height > rows * width:
        return rows, max(1, rows * width // height)
    return max(1, columns * height // width), columns


def resize(image: NDArray[np.uint8], height: int, width: int, by: str = "triangle") -> NDArray[np.uint8]:
    """Resize (H, W, C) bytes to (height, width, C) bytes by the rule at the top of this file called so.

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
        narrow[start : start + band] = _resize_first_axis(turned, width, by).reshape(width * channels, -1).T
    return _resize_first_axis(narrow, height, by).reshape(height, width, channels)


def _resize_first_axis(values: NDArray[np.uint8], size: int, by: str) -> NDArray[np.uint8]:
    """Resize (M, N) bytes to (size, N) bytes, window by window, all windows in one product."""
    inputs, weights = _windows(len(values), size, by)
    out = np.empty((len(weights) * _BLOCK, values.shape[1]), np.uint8)
    step = max(1, min(_INPUTS // inputs.size, _PRODUCTS // weights[0].size))
    for start in range(0, values.shape[1], step):
        part = slice(start, start + step)
        sums = weights @ values[inputs, part].astype(np.float32)
        sums += np.float32(0.5)
        out[:, part] = sums.reshape(len(out), -1)  # becoming bytes, they lose their fractions
    return out[:size]


@lru_cache(maxsize=256)
def _windows(size_in: int, size_out: int, by: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the K inputs of each _BLOCK of outputs, (blocks, K), and their weights, (blocks, _BLOCK, K)."""
    weights = (_bilinear if by == "bilinear" else _triangle)(size_in, size_out)
    weights = np.pad(weights, ((0, -size_out % _BLOCK), (0, 0))).reshape(-1, _BLOCK, size_in)
    used = weights.any(axis=1)
    first = used.argmax(axis=1)
    end = size_in - used[:, ::-1].argmax(axis=1)
    length = int((end - first).max())
    inputs = np.minimum(first, size_in - length)[:, None] + np.arange(length, dtype=np.int64)
    return inputs, np.take_along_axis(weights, inputs[:, None], axis=2)


def _bilinear(size_in: int, size_out: int) -> NDArray[np.float32]:
    """Return what `_triangle` does, of two samples at most."""
    outputs = np.arange(size_out, dtype=np.int64)
    first, part = np.divmod((2 * outputs + 1) * size_in - size_out, 2 * size_out)
    second = (2 * ONE * part + 2 * size_out) // (4 * size_out)
    weights = np.zeros((size_out, size_in), np.float32)
    for inputs, weight in ((first, ONE - second), (first + 1, second)):
        weights[outputs, inputs.clip(0, size_in - 1)] += (weight / ONE).astype(np.float32)
    return weights


def _triangle(size_in: int, size_out: int) -> NDArray[np.float32]:
    """Return the weight of each input in each output, w[i] / ONE, (size_out, size_in)."""
    # int64 by name: on a 32-bit machine arange counts in 32 bits, too few for a large picture.
    inputs, outputs = np.arange(size_in, dtype=np.int64), np.arange(size_out, dtype=np.int64)[:, None]
    distance = np.abs((2 * inputs + 1) * size_out - (2 * outputs + 1) * size_in)
    tent = np.maximum(0, 2 * max(size_in, size_out) - distance)
    sums = np.pad(tent.cumsum(axis=1), ((0, 0), (1, 0)))
    edges = (2 * ONE * sums + sums[:, -1:]) // (2 * sums[:, -1:])
    return (np.diff(edges, axis=1) / ONE).astype(np.float32)
