# SPDX-License-Identifier: Apache-2.0
"""Which of the numbers in training samples become 0 to 255: for each channel a range of its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Ranges, Window
from edgecnn.compiler.reading.metadata import FARTHEST, parse_window
from edgecnn.data.dataset import Dataset
from edgecnn.data.numbers import read_numbers
from edgecnn.data.window import AUTO, NEEDED, parse_choice
from edgecnn.errors import DataError
from edgecnn.progress import Progress, silent

_SAMPLED = 1 << 22  # values of all samples, of which nearly all are found
_EDGE = 1e-3  # of the values of a channel, at either end, that may lie far away
_FAR = 4  # times as wide as what nearly all values span


def with_ranges(dataset: Dataset, choice: str, channels: int, progress: Progress = silent) -> Dataset:
    """Return a data set of numbers with the range of each channel, learned from its training samples.

    Args:
        dataset: as opened.
        choice: "LOW:HIGH", for all channels; "auto" and "needed": learned.
        channels: of a model's input: the last of its sides.
        progress: told of every sample.

    Raises:
        DataError: a sample can't be read, or has not so many channels.
    """
    if choice not in (NEEDED, AUTO):
        return replace(dataset, ranges=(parse_window(parse_choice(choice)),))
    return replace(dataset, ranges=learn([s.path for s in dataset.part("train")], channels, progress))


def learn(paths: Sequence[Path], channels: int, progress: Progress = silent) -> Ranges:
    """Return the range of each channel: of all its values, or of nearly all where a few lie far away.

    Raises:
        DataError: a file can't be read, or has not so many channels, or holds numbers beyond bounds.
    """
    lows, highs = np.full(channels, np.inf), np.full(channels, -np.inf)
    some, share = [], max(1, _SAMPLED // (len(paths) * channels))
    for done, path in enumerate(paths, 1):
        rows = rows_of(read_numbers(path), channels, path)
        lows, highs = np.minimum(lows, rows.min(axis=0)), np.maximum(highs, rows.max(axis=0))
        some.append(rows if len(rows) <= share else rows[np.linspace(0, len(rows) - 1, share).astype(int)])
        progress("measuring numbers", done, len(paths))
    pooled = np.concatenate(some)
    inner = np.quantile(pooled, [_EDGE, 1 - _EDGE], axis=0, method="nearest").astype(np.float64)
    return tuple(_range(*ends) for ends in zip(lows, highs, *inner, strict=True))


def rows_of(numbers: NDArray[np.float32], channels: int, path: Path) -> NDArray[np.float32]:
    """Return a sample as rows of its channels.

    Raises:
        DataError: its numbers don't divide so.
    """
    if numbers.size % channels:
        raise DataError(f"{path} holds {numbers.size:,} numbers, which are no rows of {channels} channels")
    return numbers.reshape(-1, channels)


def _range(low: float, high: float, inner_low: float, inner_high: float) -> Window:
    if _FAR * (inner_high - inner_low) < high - low and inner_high > inner_low:
        low, high = inner_low, inner_high
    if max(-low, high) > FARTHEST:
        raise DataError(
            f"training samples hold {low:g} to {high:g}, and a range reaches up to {FARTHEST:,}; scale them"
        )
    return Window(float(low), float(high) if high > low else float(low) + 1)
