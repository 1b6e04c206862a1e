# SPDX-License-Identifier: Apache-2.0
"""Trivial figures of images, and the AUC of one figure."""

import numpy as np
import pytest
from PIL import Image

from edgecnn.data.traits import auc, chance_auc, measure


def test_figures_of_known_pictures(tmp_path):
    flat = np.full((6, 8), 100, np.uint8)
    board = (np.indices((6, 8)).sum(axis=0) % 2 * 10).astype(np.uint8)
    paths = [tmp_path / "flat.png", tmp_path / "flat.bmp", tmp_path / "board.png"]
    for path, pixels in zip(paths, (flat, flat, board), strict=True):
        Image.fromarray(pixels).save(path)
    traits = measure(paths)
    assert traits.figures["file size"].tolist() == [path.stat().st_size for path in paths]
    assert traits.figures["width"].tolist() == [8, 8, 8]
    assert traits.figures["height"].tolist() == [6, 6, 6]
    assert traits.figures["mean"].tolist() == [100, 100, 5]
    assert traits.figures["noise"].tolist() == [
        0,
        0,
        40,
    ]  # every pixel differs by 10 from its four neighbours
    assert traits.digests[0] == traits.digests[1] != traits.digests[2]
    assert traits.thumbnails.shape == (3, 32, 32)


def test_a_picture_too_small_for_a_laplacian_has_no_noise(tmp_path):
    Image.new("RGB", (2, 9), (9, 8, 7)).save(tmp_path / "line.png")
    assert measure([tmp_path / "line.png"]).figures["noise"].tolist() == [0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3, 4], 1.0),
        ([4, 3, 2, 1], 1.0),
        ([1, 3, 2, 4], 0.75),  # of 4 pairs, 3 in order
        ([5, 5, 5, 5], 0.5),
        ([1, 2, 2, 3], 0.875),  # 3 in order, one tied
    ],
)
def test_auc_by_hand(values, expected):
    assert auc(np.array(values, np.float64), np.array([False, False, True, True])) == expected


def test_chance():
    random = np.random.default_rng(0)
    is_class = np.arange(60) % 3 == 0
    found = [auc(random.random(60), is_class) for _ in range(400)]
    assert np.mean(np.array(found) > chance_auc(20, 40)) < 0.01  # three deviations, both ways: 0.0027
    assert chance_auc(2, 2) > 1
