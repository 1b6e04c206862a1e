# SPDX-License-Identifier: Apache-2.0
"""Trivial figures of images, and how well one of them alone tells a class from the others."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Window
from edgecnn.data.images import decode
from edgecnn.data.resize import resize, to_grey
from edgecnn.progress import Progress, silent

THUMBNAIL = 32


@dataclass(frozen=True, eq=False)
class Traits:
    """What is cheap to know of N images."""

    figures: dict[str, NDArray[np.float64]]
    """(N,) each: file size in bytes, width and height in pixels, mean and noise in levels of 255."""
    digests: tuple[str, ...]
    """Of the decoded pixels: two files with the same one show the same picture to the last bit."""
    thumbnails: NDArray[np.uint8]
    """(N, 32, 32), grey."""


def measure(paths: Sequence[Path], progress: Progress = silent, window: Window | None = None) -> Traits:
    """Decode images, with the window that they are to have, and measure them.

    Raises:
        DataError: a file can't be decoded.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        measured = []
        for done, traits in enumerate(pool.map(lambda path: _measure(path, window), paths), 1):
            measured.append(traits)
            progress("measuring images", done, len(paths))
    figures, digests, thumbnails = zip(*measured, strict=True)
    names = figures[0].keys()
    columns = {name: np.array([row[name] for row in figures], np.float64) for name in names}
    return Traits(columns, digests, np.stack(thumbnails))


def _measure(path: Path, window: Window | None) -> tuple[dict[str, float], str, NDArray[np.uint8]]:
    image = decode(path, window=window)
    grey = to_grey(image) if image.shape[2] == 3 else image
    figures = {
        "file size": path.stat().st_size,
        "width": image.shape[1],
        "height": image.shape[0],
        "mean": float(grey.mean()),
        "noise": _noise(grey[..., 0]),
    }
    digest = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()
    return figures, digest, resize(grey, THUMBNAIL, THUMBNAIL)[..., 0]


def _noise(grey: NDArray[np.uint8]) -> float:
    """Return the median absolute Laplacian (4-neighbour), which edges hardly touch, of (H, W) bytes."""
    if min(grey.shape) < 3:
        return 0.0
    wide = grey.astype(np.int16)
    around = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
    return float(np.median(np.abs(4 * wide[1:-1, 1:-1] - around)))


def auc(values: NDArray[np.float64], is_class: NDArray[np.bool_]) -> float:
    """Return how well a figure alone tells a class from the rest: 0.5 not at all, 1 always, either way round.

    It is the area under the ROC curve, from Mann and Whitney's U with mean ranks for ties.

    Args:
        values: (N,)
        is_class: (N,), with at least one True and one False.
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    inside, outside = int(is_class.sum()), int((~is_class).sum())
    area = (ranks[is_class].sum() - inside * (inside + 1) / 2) / (inside * outside)
    return float(max(area, 1 - area))


def chance_auc(inside: int, outside: int) -> float:
    """Return the AUC that a figure with no bearing on the class stays below, to three standard deviations.

    The deviation is that of Mann and Whitney's U under the null hypothesis.
    """
    return 0.5 + 3 * float(np.sqrt((inside + outside + 1) / (12 * inside * outside)))
