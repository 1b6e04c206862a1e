# SPDX-License-Identifier: Apache-2.0
"""A contact sheet: some pictures of each class on a page. Looking finds what counting can't."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from edgecnn.compiler.ir import Window
from edgecnn.data.dataset import Dataset, Sample
from edgecnn.data.images import decode
from edgecnn.data.phantoms import is_phantom
from edgecnn.data.resize import resize
from edgecnn.files import replacing

COLUMNS, ROWS = 10, 2
TILE, GAP, TITLE = 96, 4, 28
PAPER, INK = (255, 255, 255), (32, 32, 32)


def draw_sheet(dataset: Dataset, path: Path) -> None:
    """Draw up to 20 pictures of each class, evenly taken from all there are, into a PNG file.

    Raises:
        DataError: a file can't be decoded.
        EdgecnnError: `path` can't be written.
    """
    bands = []
    for label, name in enumerate(dataset.classes):
        count = sum(sample.label == label for sample in dataset.samples)
        chosen = spread_over(dataset, label, COLUMNS * ROWS)
        kind = ", synthetic" if any(is_phantom(sample.path) for sample in chosen) else ""
        bands.append(_band(f"{name}: {count:,} images{kind}", chosen, dataset.window))
    with replacing(path) as temporary:
        Image.fromarray(np.concatenate(bands)).save(temporary, "PNG")


def spread_over(dataset: Dataset, label: int, most: int) -> list[Sample]:
    """Return some samples of a class, evenly taken from all there are."""
    samples = [sample for sample in dataset.samples if sample.label == label]
    chosen = [samples[i] for i in np.linspace(0, len(samples) - 1, most).round().astype(int)]
    return list(dict.fromkeys(chosen))


def _band(title: str, samples: Sequence[Sample], window: Window | None) -> NDArray[np.uint8]:
    """Return (height, width, 3): a title over rows of pictures."""
    rows = -(-len(samples) // COLUMNS)
    band = Image.new("RGB", (COLUMNS * (TILE + GAP) + GAP, TITLE + rows * (TILE + GAP)), PAPER)
    ImageDraw.Draw(band).text((GAP, GAP), title, fill=INK, font=ImageFont.load_default(16))
    for index, sample in enumerate(samples):
        row, column = divmod(index, COLUMNS)
        picture = tile(sample.path, window)
        corner = (GAP + column * (TILE + GAP), TITLE + row * (TILE + GAP))
        left, top = (TILE - picture.width) // 2, (TILE - picture.height) // 2
        band.paste(picture, (corner[0] + left, corner[1] + top))
    return np.asarray(band)


def tile(path: Path, window: Window | None) -> Image.Image:
    """Return a picture scaled so that its longer side fills a tile."""
    image = decode(path, window=window)
    height, width = (max(1, round(side * TILE / max(image.shape[:2]))) for side in image.shape[:2])
    return Image.fromarray(np.broadcast_to(resize(image, height, width), (height, width, 3)))
