# SPDX-License-Identifier: Apache-2.0
"""Pruning reaches the sparsity that was asked for, however short it is, or says why it can't."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecnn.compression.pruning import prune
from edgecnn.data.arrays import Arrays
from edgecnn.errors import ModelError
from edgecnn.progress import silent
from edgecnn.tf import keras
from edgecnn.training.fit import FitOptions

OPTIONS = FitOptions("prune", 1, 2, "adam", 1e-3, 0, keep_best=False)


def _prune(batches: int, folder: Path, options: FitOptions = OPTIONS, positive: int = 2) -> list[float]:
    """Return the sparsity of each kernel after so many batches, where every so manieth image is positive."""
    count = 2 * batches
    names, paths = tuple(map(str, range(count))), tuple(map(Path, map(str, range(count))))
    images = np.random.default_rng(0).integers(0, 256, (count, 6, 6, 1)).astype(np.uint8)
    arrays = Arrays(images, (np.arange(count) % positive == 0).astype(np.int64), names, paths)
    layers = keras.layers
    model = keras.Sequential([layers.Flatten(), layers.Dense(8), layers.Dense(2, activation="softmax")])
    model.build((None, 6, 6, 1))
    pruned, _ = prune(model, arrays, arrays, options, 0.5, folder / "checkpoint.npz", silent)
    return [float((weights == 0).mean()) for weights in pruned.get_weights() if weights.ndim > 1]


@pytest.mark.parametrize("batches", [2, 3, 35])
def test_half_of_each_kernel_is_zero(batches: int, tmp_path: Path) -> None:
    assert _prune(batches, tmp_path) == [0.5, 0.5]


def test_half_is_zero_where_an_epoch_shows_a_part_of_the_images(tmp_path: Path) -> None:
    balanced = replace(OPTIONS, epochs=2, sampling="balanced")
    assert _prune(20, tmp_path, balanced, positive=8) == [0.5, 0.5]


def test_one_batch_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="pruning needs two batches or more, but 2 images at batch size 2"):
        _prune(1, tmp_path)
