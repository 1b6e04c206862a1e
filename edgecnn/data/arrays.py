# SPDX-License-Identifier: Apache-2.0
"""Samples as arrays, ready for a model."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Sample
from edgecnn.data.images import decode, load_image
from edgecnn.errors import DataError
from edgecnn.progress import Progress, silent

_WHITE = 128
REPRESENTATIVE_IMAGES = 200  # show a quantizer what activations look like; more change little


@dataclass(frozen=True, eq=False)
class Arrays:
    """N samples at one size."""

    images: NDArray[np.uint8]
    """(N, H, W, C)"""
    labels: NDArray[np.int64]
    """(N,)"""
    groups: tuple[str, ...]
    paths: tuple[Path, ...]
    masks: NDArray[np.uint8] | None = None
    """(N, H, W, 1), 1 where there is something; None for classes."""

    def sample(self, count: int, seed: int) -> NDArray[np.uint8]:
        """Return at most `count` of the images, (n, H, W, C), chosen by `seed`."""
        order = np.random.default_rng(seed).permutation(len(self.images))
        chosen: NDArray[np.uint8] = self.images[order[:count]]
        return chosen


def load_arrays(
    samples: Sequence[Sample], height: int, width: int, channels: int, progress: Progress = silent
) -> Arrays:
    """Decode samples and bring each to (height, width, channels) bytes, its mask to 0 and 1.

    Raises:
        DataError: a file can't be decoded (`open_dataset` leaves out those that can't), or a mask is not of
            black and white.
    """
    images = np.empty((len(samples), height, width, channels), np.uint8)
    masked = bool(samples) and samples[0].mask is not None
    masks = np.empty((len(samples), height, width, 1), np.uint8) if masked else None

    def load(index: int) -> None:
        images[index] = load_image(samples[index].path, height, width, channels)
        if masks is not None and (mask := samples[index].mask):
            masks[index] = load_mask(mask, height, width)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(load, range(len(samples))), 1):
            progress("loading images", done, len(samples))
    labels = np.array([sample.label for sample in samples], np.int64)
    return Arrays(images, labels, tuple(s.group for s in samples), tuple(s.path for s in samples), masks)


def load_mask(path: Path, height: int, width: int) -> NDArray[np.uint8]:
    """Decode a mask and bring it to (height, width, 1): 1 where it is white by half or more, else 0.

    Raises:
        DataError: the file can't be decoded, or is darker than a mask of black and white.
    """
    brightest = int(decode(path).max())
    if 0 < brightest < _WHITE:
        raise DataError(f"{path} has no value above {brightest}; a mask is black (0) and white (255)")
    return (load_image(path, height, width, 1) >= _WHITE).astype(np.uint8)
