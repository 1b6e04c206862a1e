# SPDX-License-Identifier: Apache-2.0
"""How pictures of more than 8 bits use them: what one window for a whole data set is chosen by."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Window
from edgecnn.compiler.reading.metadata import FARTHEST, parse_window
from edgecnn.data.images import is_deep, read_picture
from edgecnn.data.window import AUTO, FEWEST, FULL, NEEDED, parse_choice
from edgecnn.errors import DataError
from edgecnn.progress import Progress, silent

_EDGE = 0.001  # of all pixels, at either end
_LEAST = 0.01  # of a picture's pixels, that its own window should hold
_SAMPLED = 1 << 22  # pixels of all pictures together


@dataclass(frozen=True)
class ValueRange:
    """The values of those pictures of a data set that have more than 8 bits."""

    deep: int
    """So many pictures have more than 8 bits."""
    pictures: int
    """Of so many."""
    whole: Window
    """From the least to the greatest value."""
    inner: Window
    """Where all but a thousandth of the pixels lie, at either end."""
    sixteen_bits: bool
    """Whether all are integers of 0 to 65535."""
    own_windows: bool
    """Whether each picture has a window of its own, as in DICOM."""
    clipped: Sequence[str] = ()
    """The files whose own window leaves hardly any pixel its value: they come out black and white."""

    def __str__(self) -> str:
        """Say it in a clause, and what would come of upper bytes."""
        (low, high), (inner_low, inner_high) = self.whole, self.inner
        nearly = "" if self.inner == self.whole else f", nearly all {inner_low:,} to {inner_high:,}"
        kept = f"; upper bytes would leave {self.grey_values} of 256 grey values" if self.sixteen_bits else ""
        return (
            f"{self.deep:,} of {self.pictures:,} training images have more than 8 bits, and values of "
            f"{low:,} to {high:,}{nearly}{kept}"
        )

    @property
    def grey_values(self) -> int:
        """How many values nearly all pixels would keep if 16 bits were cut to their upper byte."""
        low, high = (int(np.clip(value, 0, 65535)) >> 8 for value in self.inner)
        return high - low + 1

    @property
    def needs_window(self) -> bool:
        """Whether upper bytes won't do: values are no 16 bits, or use few of them."""
        return not self.sixteen_bits or self.inner.high - self.inner.low < FEWEST

    def window(self) -> Window:
        """Return the range as a window: of all values, or of nearly all where few lie far away.

        Far is where a window of all values would leave nearly all pixels a quarter of the grey values.

        Raises:
            DataError: they are farther from 0 than a window may be.
        """
        span, inner = (high - low for low, high in (self.whole, self.inner))
        window = self.whole if 4 * inner > span else self.inner
        try:
            return parse_window(str(window))
        except ValueError:
            low, high = window
            raise DataError(
                f"training images have values of {low:g} to {high:g}, and a window reaches up to "
                f"{FARTHEST:,}; scale them, or say by --window LOW:HIGH which of them become 0 to 255"
            ) from None


def choose_window(choice: str, found: ValueRange | None) -> Window | None:
    """Return the window that is asked for.

    Args:
        choice: "needed", "auto" or "LOW:HIGH".
        found: of the training images; None where all have 8 bits.

    Returns:
        None where there is nothing to choose: all have 8 bits or, with "needed", windows of their own.
    """
    if choice not in (NEEDED, AUTO):
        return parse_window(parse_choice(choice))
    if found is None or (choice == NEEDED and found.own_windows):
        return None
    return found.window() if choice == AUTO or found.needs_window else FULL


def measure_range(paths: Sequence[Path], progress: Progress = silent) -> ValueRange | None:
    """Find out how pictures use more than 8 bits; None where none has more.

    Raises:
        DataError: a file can't be decoded.
    """
    deep = [path for path in paths if is_deep(path)]
    if not deep:
        return None
    measured = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        share = max(1, _SAMPLED // len(deep))
        for done, one in enumerate(pool.map(lambda path: _measure(path, share), deep), 1):
            measured.append(one)
            progress("measuring values", done, len(deep))
    lows, highs, kinds, inside, samples = zip(*measured, strict=True)
    pooled = np.concatenate(samples)
    inner = (np.quantile(pooled, share, method="nearest").item() for share in (_EDGE, 1 - _EDGE))
    return ValueRange(
        len(deep),
        len(paths),
        _window(min(lows), max(highs)),
        _window(*inner),
        all(kinds),
        all(share is not None for share in inside),
        [path.name for path, share in zip(deep, inside, strict=True) if share is not None and share < _LEAST],
    )


def _measure(path: Path, share: int) -> tuple[float, float, bool, float | None, NDArray[Any]]:
    """Return a picture's least and greatest value, if all are 16 bits, how many lie in its window, a sample.

    The share that lies there is None where it has no window.
    """
    picture = read_picture(path)
    pixels = picture.pixels[np.isfinite(picture.pixels)]
    low, high = (pixels.min().item(), pixels.max().item()) if pixels.size else (0, 0)
    sixteen = bool(np.issubdtype(pixels.dtype, np.integer)) and low >= 0 and high <= FULL.high
    if pixels.size > share:
        pixels = pixels[np.random.default_rng(0).integers(0, pixels.size, share)]
    return low, high, sixteen, _share_inside(pixels, picture.window), pixels


def _share_inside(pixels: NDArray[Any], window: Window | None) -> float | None:
    if window is None:
        return None
    return float(((pixels > window.low) & (pixels < window.high)).mean()) if pixels.size else 1.0


def _window(low: float, high: float) -> Window:
    """Return a range as a window, which holds more than one value."""
    low, high = (int(value) if float(value).is_integer() else float(value) for value in (low, high))
    return Window(low, high if high > low else low + 1)
