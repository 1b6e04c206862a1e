# SPDX-License-Identifier: Apache-2.0
"""What kernels for cores without SIMD want of weights (scalar.h)."""

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import int4

CHANNELS = 4  # at once
POSITIONS = 3  # at once
_MOST_TAPS = 32767  # what a field of the parameters holds
_MOST_SUM = (1 << 20) // 128 - 1  # of the magnitudes of weights, whose sums then stay within 21 bits


def pack_fours(matrix: NDArray[np.int8], narrow: bool = False) -> NDArray[np.int8]:
    """Return weights int8[parts, channels, taps] as `kernel_dot_4x3` reads them.

    They are, for each part, all taps of four channels, of the next four and so on, filled up with zeros;
    the four weights of a tap lie together, `narrow` ones, of four bits, in two bytes.
    """
    parts, channels, taps = matrix.shape
    filled = np.pad(matrix, ((0, 0), (0, -channels % CHANNELS), (0, 0)))
    fours = filled.reshape(parts, -1, CHANNELS, taps).transpose(0, 1, 3, 2)
    values = np.ascontiguousarray(fours).reshape(-1)
    return int4.packed(values) if narrow else values


def taps_at_once(matrix: NDArray[np.int8]) -> int:
    """Return over how many taps of weights int8[parts, channels, taps] sums may run in `kernel_dot_4x3`."""
    taps = matrix.shape[2]
    upto = np.pad(np.abs(matrix.astype(np.int64)).cumsum(axis=2), ((0, 0), (0, 0), (1, 0)))
    chunks = (taps - 1) // _MOST_TAPS
    while True:
        chunks += 1
        ends = np.minimum(np.arange(chunks + 1) * -(-taps // chunks), taps)
        if (np.diff(upto[:, :, ends]) <= _MOST_SUM).all():
            return -(-taps // chunks)
