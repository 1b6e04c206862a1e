# SPDX-License-Identifier: Apache-2.0
"""The resize rule: exact small cases by hand, its definition spelled out, and Pillow as a second opinion."""

import numpy as np
import pytest
from PIL import Image

from edgecnn.data.resize import ONE, resize, to_grey


def column(*values):
    return np.array(values, np.uint8).reshape(-1, 1, 1)


def by_definition(values, size):
    """One axis, as the text of resize.py says it, in Python's own integers."""
    n, m, out = len(values), size, []
    for o in range(m):
        tent = [max(0, 2 * max(n, m) - abs((2 * i + 1) * m - (2 * o + 1) * n)) for i in range(n)]
        edges = [(2 * 16384 * sum(tent[:i]) + sum(tent)) // (2 * sum(tent)) for i in range(n + 1)]
        weights = [edges[i + 1] - edges[i] for i in range(n)]
        assert sum(weights) == ONE
        assert min(weights) >= 0
        out.append((sum(w * int(v) for w, v in zip(weights, values, strict=True)) + 8192) >> 14)
    return out


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # Halving weighs 1/8 3/8 3/8 1/8, at the border 3/7 3/7 1/7.
        ((0, 0, 255, 255), (36, 219)),  # 255 / 7 = 36.43, 255 * 6 / 7 = 218.57
        ((0, 0, 80, 80, 0, 0), (11, 60, 11)),  # 80 / 7 = 11.43, 80 * 6 / 8 = 60
        # Doubling weighs 1/4 3/4, clamped at the border.
        ((0, 100), (0, 25, 75, 100)),
        ((7, 200, 9), (7, 200, 9)),
        # Three to one weighs 4/14 6/14 4/14.
        ((10, 20, 30), (20,)),
        ((0, 255, 0), (109,)),  # 255 * 6 / 14 = 109.29
        # An exact half rounds up.
        ((0, 1), (1,)),
    ],
)
def test_small_cases_by_hand(values, expected):
    size = len(expected)
    assert resize(column(*values), size, 1).ravel().tolist() == list(expected)
    assert resize(column(*values).swapaxes(0, 1), 1, size).ravel().tolist() == list(expected)


@pytest.mark.parametrize(("n", "m"), [(1, 5), (2, 3), (5, 5), (7, 3), (13, 64), (64, 13), (97, 96), (384, 3)])
def test_equals_its_definition(n, m):
    values = np.random.default_rng(n * m).integers(0, 256, n, np.uint8)
    assert resize(column(*values), m, 1).ravel().tolist() == by_definition(values, m)


def test_rows_are_rounded_before_columns():
    # By rows first: (0 + 1) / 2 rounds to 1, (0 + 0) to 0, and (1 + 0) / 2 to 1. Unrounded, it would be 0.25.
    assert resize(np.array([[[0], [1]], [[0], [0]]], np.uint8), 1, 1).item() == 1


@pytest.mark.parametrize("ratio", [1, 2, 3, 50, 128, 1000])
def test_a_flat_picture_stays_flat(ratio):
    assert (resize(np.full((3 * ratio, 7, 2), 201, np.uint8), 3, 5) == 201).all()


@pytest.mark.parametrize("shape", [(160, 160, 1, 64, 64), (256, 200, 3, 64, 96), (31, 47, 3, 80, 60)])
def test_agrees_with_pillow(shape):
    height, width, channels, new_height, new_width = shape
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)
    ours = resize(pixels, new_height, new_width)
    picture = Image.fromarray(pixels.squeeze()).resize((new_width, new_height), Image.Resampling.BILINEAR)
    theirs = np.asarray(picture).reshape(ours.shape)
    assert ours.dtype == np.uint8
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_channels_do_not_mix():
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    for channel in range(3):
        alone = resize(pixels[..., channel : channel + 1], 7, 11)
        assert (resize(pixels, 7, 11)[..., channel : channel + 1] == alone).all()


def test_rows_of_a_large_picture_are_those_of_small_ones():
    pixels = np.random.default_rng(2).integers(0, 256, (300, 500, 3), np.uint8)  # several bands of it
    narrow = resize(pixels, 300, 64)
    for row in range(0, 300, 7):
        assert (narrow[row] == resize(pixels[row : row + 1], 1, 64)[0]).all()


def test_grey_of_primaries_and_of_grey():
    primaries = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert to_grey(primaries).ravel().tolist() == [77, 149, 29, 255]
    greys = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert (to_grey(np.repeat(greys, 3, axis=2)) == greys).all()
