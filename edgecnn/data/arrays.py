# SPDX-License-Identifier: Apache-2.0
"""Samples as arrays, ready for a model."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import SQUASHED, Fitting, Ranges, Window
from edgecnn.compiler.numbers import as_bytes
from edgecnn.data.dataset import PARTS, Dataset, Sample, list_files, open_listed, with_window
from edgecnn.data.images import decode, fit_image, read_picture
from edgecnn.data.numbers import fit_numbers, read_numbers
from edgecnn.data.ranges import with_ranges
from edgecnn.data.window import BYTE, FULL, NEEDED, to_bytes
from edgecnn.errors import DataError
from edgecnn.progress import Progress, silent

_WHITE = 128
REPRESENTATIVE_IMAGES = 200  # show a quantizer what activations look like; more change little


@dataclass(frozen=True, eq=False)
class Arrays:
    """N samples at one size."""

    images: NDArray[Any]
    """(N, H, W, C) bytes; or float32 numbers, (N, ...) in the shape of a model's input, which scales them."""
    labels: NDArray[np.int64]
    """(N,)"""
    groups: tuple[str, ...]
    paths: tuple[Path, ...]
    masks: NDArray[np.uint8] | None = None
    """(N, H, W, 1), 1 where there is something; None for classes."""
    answers: NDArray[np.float32] | None = None
    """What a teacher says of each, in the shape of a network's output: learned in place of what is known."""

    def part(self, index: NDArray[np.int64]) -> "Arrays":
        """Return some of the samples, (n,) of their numbers, in that order."""
        numbers = index.tolist()
        return Arrays(
            self.images[index],
            self.labels[index],
            tuple(self.groups[number] for number in numbers),
            tuple(self.paths[number] for number in numbers),
            None if self.masks is None else self.masks[index],
            None if self.answers is None else self.answers[index],
        )

    def sample(self, count: int, seed: int) -> NDArray[np.uint8]:
        """Return at most `count` of the images, (n, H, W, C) bytes, chosen by `seed`."""
        order = np.random.default_rng(seed).permutation(len(self.images))
        return np.asarray(self.images[order[:count]], np.uint8)


def load_dataset(
    source: Path,
    shape: tuple[int, int, int],
    *,
    seed: int,
    strict: bool = False,
    window: str = NEEDED,
    fitting: Fitting = SQUASHED,
    progress: Progress = silent,
) -> tuple[Dataset, dict[str, Arrays]]:
    """Open a data set and load each of its parts at a shape (height, width, channels).

    It is what `open_dataset`, `with_window` and `load_arrays` give, but files of 8 bits are decoded once:
    whether one is damaged turns out as it is loaded. Only if one is, all are looked through first, for
    without it the others may be divided into other parts.

    Raises:
        DataError: as those.
    """
    listing = list_files(source)

    def load(look: bool) -> tuple[Dataset, dict[str, Arrays]]:
        dataset = open_listed(listing, seed=seed, strict=strict, progress=progress, look=look)
        dataset = replace(with_values(dataset, window, shape[-1], progress), fitting=fitting)
        return dataset, {part: load_part(dataset, part, shape, progress) for part in PARTS}

    try:
        return load(look=False)
    except DataError:
        return load(look=True)


def with_values(dataset: Dataset, choice: str, channels: int, progress: Progress = silent) -> Dataset:
    """Return a data set with what its values become 0 to 255 by: a window of pictures, ranges of numbers.

    Args:
        dataset: as opened.
        choice: as for `with_window` or `with_ranges`.
        channels: of a model's input.
        progress: told how far it is.

    Raises:
        DataError: as those.
    """
    if dataset.numbers:
        return with_ranges(dataset, choice, channels, progress)
    return with_window(dataset, choice, progress)


def load_part(dataset: Dataset, part: str, shape: Sequence[int], progress: Progress = silent) -> Arrays:
    """Load "train", "validation" or "test" as `load_samples` does."""
    return load_samples(dataset, dataset.part(part), shape, progress)


def load_samples(
    dataset: Dataset, samples: Sequence[Sample], shape: Sequence[int], progress: Progress = silent
) -> Arrays:
    """Load some of a data set's samples in the shape of a model's input, (height, width, channels) of images.

    Raises:
        DataError: as `load_arrays`; or numbers have another shape.
    """
    if dataset.numbers:
        return _load_numbers(samples, shape, progress, dataset.ranges)
    height, width, channels = shape
    return load_arrays(samples, height, width, channels, progress, dataset.window, dataset.fitting)


def _load_numbers(
    samples: Sequence[Sample], shape: Sequence[int], progress: Progress, ranges: Ranges | None
) -> Arrays:
    """Load numbers: as they are, or as bytes where there are ranges."""
    loaded = np.empty((len(samples), *shape), np.float32)
    for index, sample in enumerate(samples):
        loaded[index] = fit_numbers(read_numbers(sample.path), shape, str(sample.path))
        progress("loading numbers", index + 1, len(samples))
    values = loaded if ranges is None else as_bytes(loaded, ranges)
    labels = np.array([sample.label for sample in samples], np.int64)
    return Arrays(values, labels, tuple(s.group for s in samples), tuple(s.path for s in samples))


def load_arrays(
    samples: Sequence[Sample],
    height: int,
    width: int,
    channels: int,
    progress: Progress = silent,
    window: Window | None = None,
    fitting: Fitting = SQUASHED,
) -> Arrays:
    """Decode samples and bring each to (height, width, channels) bytes, its mask to 0 and 1.

    `window` is that of `decode`, `fitting` that of `fit_image`.

    Raises:
        DataError: a file can't be decoded (`open_dataset` leaves out those that can't), or a mask is not of
            black and white, or not as large as its image.
    """
    images = np.empty((len(samples), height, width, channels), np.uint8)
    masked = bool(samples) and samples[0].mask is not None
    masks = np.empty((len(samples), height, width, 1), np.uint8) if masked else None

    def load(index: int) -> None:
        image = decode(samples[index].path, window=window)
        images[index] = fit_image(image, height, width, channels, fitting)
        if masks is not None and (path := samples[index].mask):
            mask = decode_mask(path)
            if mask.shape[:2] != image.shape[:2]:
                raise DataError(f"{path} has not the size of {samples[index].path}")
            masks[index] = fit_mask(path, mask, height, width, fitting)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(load, range(len(samples))), 1):
            progress("loading images", done, len(samples))
    labels = np.array([sample.label for sample in samples], np.int64)
    return Arrays(images, labels, tuple(s.group for s in samples), tuple(s.path for s in samples), masks)


def decode_mask(path: Path) -> NDArray[np.uint8]:
    """Decode a mask to (H, W, 1) or (H, W, 3) bytes; of more than 8 bits, 255 or 65535 may be white.

    Raises:
        DataError: the file can't be decoded.
    """
    pixels = read_picture(path).pixels
    if pixels.itemsize == 1:  # of bytes with a sign, -1 is white
        return pixels.view(np.uint8)
    return to_bytes(pixels, FULL if pixels.max() > BYTE.high else BYTE)


def fit_mask(
    path: Path, mask: NDArray[np.uint8], height: int, width: int, fitting: Fitting = SQUASHED
) -> NDArray[np.uint8]:
    """Bring a decoded mask to (height, width, 1): 1 where it is white by half or more, else 0.

    Raises:
        DataError: it is darker than a mask of black and white.
    """
    brightest = int(mask.max())
    if 0 < brightest < _WHITE:
        raise DataError(f"{path} has no value above {brightest}; a mask is black (0) and white (255)")
    return (fit_image(mask, height, width, 1, fitting) >= _WHITE).astype(np.uint8)
