# SPDX-License-Identifier: Apache-2.0
"""What kernels for the DSP instructions of Cortex-M4, M7 and M33 want of weights (dsp.h)."""

import numpy as np
from numpy.typing import NDArray

TAPS = 4  # in a group
_ORDER = (0, 2, 1, 3)  # of a group's taps: what SXTB16 makes of a word's bytes comes in such pairs


def groups_per_chunk(matrix: NDArray[np.int8], narrow: bool = False) -> int:
    """Return over how many groups of taps sums may run, for `kernel_dot_2` to tell a pair's sums apart.

    `matrix` is int8[channels, taps]. The sum of a second channel, times 256, must stay inside 32 bits; with
    `narrow` weights, of four bits, that of each channel, times 4096.
    """
    chunk = groups = -(-matrix.shape[1] // TAPS)
    grouped, most = (_in_groups(matrix), 1 << 19) if narrow else (_in_groups(matrix)[1::2], 1 << 23)
    magnitude = np.abs(grouped.astype(np.int64)).sum(axis=2)
    while any(
        (128 * magnitude[:, at : at + chunk].sum(axis=1) >= most).any() for at in range(0, groups, chunk)
    ):
        chunk = (chunk + 1) // 2
    return chunk


def pack_pairs(
    matrix: NDArray[np.int8], chunk: int, at_once: int, narrow: bool = False
) -> NDArray[np.int32] | None:
    """Return weights int8[channels, taps] as `kernel_dot_2` reads them, or None where halves can't hold them.

    For `at_once` channels after the other: chunk after chunk of `chunk` groups of taps, in each all pairs.
    `narrow` weights have four bits, as `kernel_dot_2_s8w4` reads them.
    """
    halves = _fours(matrix) if narrow else _pairs(matrix)
    if halves is None:
        return None
    words = np.ascontiguousarray(halves, "<i2").view("<i4")
    parts = [
        words[pair : pair + at_once // 2, at : at + chunk].ravel()
        for pair in range(0, len(words), at_once // 2)
        for at in range(0, words.shape[1], chunk)
    ]
    packed: NDArray[np.int32] = np.concatenate(parts).astype(np.int32)
    return packed


def pack_taps(matrix: NDArray[np.int16]) -> NDArray[np.int32]:
    """Return weights int16[taps, channels] as the kernel for any depthwise window reads them.

    For four channels after the other, of which the last four may overlap those before: of an odd number of
    taps the first, of channels (0, 2) and (1, 3); then two taps after two, of channels 0, 2, 1 and 3.
    """
    taps, channels = matrix.shape
    starts = [min(c, channels - 4) for c in range(0, channels, 4)]
    ordered = np.stack([matrix[:, [c, c + 2, c + 1, c + 3]] for c in starts])  # group, tap, channel
    pairs = ordered[:, taps % 2 :].reshape(len(starts), -1, 2, 4).swapaxes(2, 3)
    first = ordered[:, : taps % 2].reshape(len(starts), -1)
    halves = np.hstack([first, pairs.reshape(len(starts), -1)])
    return np.ascontiguousarray(halves, "<i2").reshape(-1).view("<i4").astype(np.int32)


def _pairs(matrix: NDArray[np.int8]) -> NDArray[np.int32] | None:
    """Return int[pairs, groups, 4]: 256 times a weight of the second channel and one of the first."""
    grouped = _in_groups(matrix)[:, :, _ORDER].astype(np.int32)
    both = 256 * grouped[1::2] + grouped[::2]
    return None if (both < -(1 << 15)).any() else both


def _fours(matrix: NDArray[np.int8]) -> NDArray[np.int32]:
    """Return int[pairs, groups, 2]: in four bits each taps 0 of both channels and 1, and taps 2 and 3."""
    grouped = _in_groups(matrix).astype(np.int32)
    first, second = grouped[::2] & 15, grouped[1::2] & 15
    taps = first << 4 | second
    halves: NDArray[np.int32] = taps[:, :, ::2] << 8 | taps[:, :, 1::2]
    return halves.astype(np.uint16).view(np.int16).astype(np.int32)


def _in_groups(matrix: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return int8[channels, groups, taps of a group], filled up with zeros to an even number of channels."""
    channels, taps = matrix.shape
    padded = np.pad(matrix, ((0, channels % 2), (0, -taps % TAPS)))
    return padded.reshape(padded.shape[0], -1, TAPS)
