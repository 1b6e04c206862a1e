# SPDX-License-Identifier: Apache-2.0
"""Small folders of pictures, made on the spot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def draw(path: Path, seed: int, size: tuple[int, int] = (24, 20)) -> Path:
    """Write a picture of random patches, unlike that of any other seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two classes, ten pictures each."""
    for number in range(20):
        draw(tmp_path / "pets" / ("cat", "dog")[number % 2] / f"{number:02}.png", number)
    return tmp_path / "pets"


@pytest.fixture
def draw_picture() -> Callable[..., Path]:
    """The function that draws one picture."""
    return draw
