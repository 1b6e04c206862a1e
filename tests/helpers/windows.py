# SPDX-License-Identifier: Apache-2.0
"""Windows of a sensor that are easy to tell apart, and whose channels have ranges that are not alike."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LENGTH, CHANNELS = 32, 3
CLASSES = ("fast", "slow")


def windows(count: int = 120, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return windows, (count, LENGTH, CHANNELS) in g, degrees a second and near 9.8; and their labels."""
    draw, labels = np.random.default_rng(seed), np.arange(count) % 2
    phase, time = draw.uniform(0, 2 * np.pi, (count, 1)), np.arange(LENGTH)
    angle = 2 * np.pi * np.array([0.25, 0.08])[labels][:, np.newaxis] * time + phase
    noise = draw.normal(size=(3, count, LENGTH))
    channels = (np.sin(angle) + 0.1 * noise[0], 200 * np.cos(angle) + 20 * noise[1], 9.8 + 0.05 * noise[2])
    return np.stack(channels, axis=-1).astype(np.float32), labels


def write_folder(folder: Path, values: NDArray[np.float32], labels: NDArray[np.int64]) -> Path:
    """Write a .npy file for each window into a folder for its class."""
    for number, (window, label) in enumerate(zip(values, labels, strict=True)):
        (folder / CLASSES[label]).mkdir(parents=True, exist_ok=True)
        np.save(folder / CLASSES[label] / f"{number}.npy", window)
    return folder
