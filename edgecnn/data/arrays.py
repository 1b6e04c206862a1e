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
from edgecnn.data.images import load_image
from edgecnn.progress import Progress, silent

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
    """Decode samples and bring each to (height, width, channels) bytes.

    Raises:
        DataError: a file can't be decoded (`open_dataset` leaves out those that can't).
    """
    images = np.empty((len(samples), height, width, channels), np.uint8)

    def load(index: int) -> None:
        images[index] = load_image(samples[index].path, height, width, channels)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(load, range(len(samples))), 1):
            progress("loading images", done, len(samples))
    labels = np.array([sample.label for sample in samples], np.int64)
    return Arrays(images, labels, tuple(s.group for s in samples), tuple(s.path for s in samples))
