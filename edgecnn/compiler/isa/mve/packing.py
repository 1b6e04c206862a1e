# SPDX-License-Identifier: Apache-2.0
"""What kernels for MVE, the vectors of Cortex-M55 and M85, want of weights and scales (mve*.h)."""

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.kernel import Line
from edgecnn.compiler.ops._linear import Linear

VECTOR = 16  # bytes
ROW = 32  # channels of a row of sums
ROUNDING = Line.trained("int16_t rounding", "as in kernel_scaling", limits=(0, 2))


def rounding(linear: Linear) -> int:
    """Return what `kernel_scaling` calls so: which steps the operator's scales and clamp need."""
    if (linear.shift > 0).any():
        return 2
    return 0 if linear.activation_min >= linear.output_zero_point else 1


def packed(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return weights of four bits, int8[channels, ...], as int8[pairs of channels, taps]: two in a byte."""
    matrix = weights.reshape(len(weights), -1)
    even = np.pad(matrix, ((0, len(matrix) % 2), (0, 0)))
    return np.asarray(even[::2] & 15 | even[1::2] << 4, np.int8)


def filled_up(weights: NDArray[np.int8], taps: int) -> NDArray[np.int8]:
    """Return weights with zeros behind, so that whole vectors can be read of each filter of `taps`."""
    return np.pad(weights.ravel(), (0, -taps % VECTOR))


def pack_taps(matrix: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return weights int8[taps, channels] tap after tap, for 16 channels after the other, filled up."""
    taps, channels = matrix.shape
    filled = np.pad(matrix, ((0, 0), (0, -channels % VECTOR))).reshape(taps, -1, VECTOR)
    return np.ascontiguousarray(filled.swapaxes(0, 1)).reshape(-1)
