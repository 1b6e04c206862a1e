# SPDX-License-Identifier: Apache-2.0
"""The contact sheet: a band for each class, pictures in it, and phantoms called synthetic."""

import numpy as np
from PIL import Image

from edgecnn.data import sheet
from edgecnn.data.dataset import open_dataset
from edgecnn.data.phantoms import CLASSES, write_phantoms
from edgecnn.data.sheet import COLUMNS, GAP, TILE, TITLE, draw_sheet


def test_a_band_for_each_class(folder, tmp_path):
    draw_sheet(open_dataset(folder, seed=0), tmp_path / "out" / "sheet.png")
    picture = np.asarray(Image.open(tmp_path / "out" / "sheet.png"))
    band = TITLE + TILE + GAP  # ten pictures: one row
    assert picture.shape == (2 * band, COLUMNS * (TILE + GAP) + GAP, 3)
    for top in (0, band):
        assert (picture[top : top + TITLE] < 100).any()  # a title
        first, last = (
            picture[top + TITLE + 20 : top + band - 20, x : x + TILE] for x in (GAP, GAP + 9 * (TILE + GAP))
        )
        assert first.std() > 10
        assert (first != last).any()


def test_large_classes_are_sampled_and_phantoms_called_synthetic(tmp_path, monkeypatch):
    write_phantoms(tmp_path / "p", {"train": 75, "validation": 3, "test": 3}, seed=0)
    bands = []
    draw_band = sheet._band
    monkeypatch.setattr(sheet, "_band", lambda *band: bands.append(band) or draw_band(*band))
    draw_sheet(open_dataset(tmp_path / "p", seed=0), tmp_path / "sheet.png")
    assert [title for title, *_ in bands] == [f"{name}: 27 images, synthetic" for name in CLASSES]
    assert [len(samples) for _, samples, _ in bands] == [20, 20, 20]
