# SPDX-License-Identifier: Apache-2.0
"""A picture is squashed, cropped or padded, by one filter or the other, as TensorFlow and Keras do it."""

from itertools import product

import numpy as np
import pytest

from edgecnn.compiler.ir import Fitting
from edgecnn.data.images import fit_image
from edgecnn.data.resize import fit, middle, resize
from edgecnn.tf import keras, tf

SIZES = [(31, 47), (47, 31), (8, 8), (5, 300), (300, 5), (1, 1)]


def picture(rows: int, columns: int, channels: int = 3) -> np.ndarray:
    draw = np.random.default_rng(rows * columns)
    return draw.integers(0, 256, (rows, columns, channels), np.uint8)


@pytest.mark.parametrize(("size", "target"), product(SIZES, [(16, 16), (12, 20), (64, 40), (1, 1)]))
def test_bilinear_is_that_of_tensorflow_to_a_level(size: tuple[int, int], target: tuple[int, int]) -> None:
    image = picture(*size)
    expected = np.array(tf.image.resize(image, target, "bilinear", antialias=False))
    ours = resize(image, *target, "bilinear")
    assert np.abs(ours - expected).max() <= 1.01  # ours rounds twice, along the rows and along the columns


def test_bilinear_by_hand() -> None:
    line = np.array([[[0], [100], [200], [250]]], np.uint8)
    assert resize(line, 1, 2, "bilinear").ravel().tolist() == [50, 225]
    assert resize(line, 1, 8, "bilinear").ravel().tolist() == [0, 25, 75, 125, 175, 213, 238, 250]
    assert resize(line, 1, 1, "bilinear").ravel().tolist() == [150]
    assert (resize(np.full((40, 7, 3), 201, np.uint8), 3, 50, "bilinear") == 201).all()


@pytest.mark.parametrize(("size", "target"), product(SIZES, [(16, 16), (12, 20), (20, 12)]))
def test_crop_is_that_of_keras(size: tuple[int, int], target: tuple[int, int]) -> None:
    if min(size) * min(target) < max(target):
        pytest.skip("Keras makes nothing of it")
    image = picture(*size)
    expected = keras.preprocessing.image.smart_resize(image, target, "bilinear")
    ours = fit(image, *target, Fitting("crop", "bilinear"))
    assert np.abs(ours - np.array(expected, np.float64)).max() <= 1.01


@pytest.mark.parametrize(("size", "target"), product(SIZES, [(16, 16), (12, 20), (20, 12)]))
def test_pad_is_that_of_tensorflow(size: tuple[int, int], target: tuple[int, int]) -> None:
    high, wide = middle(*target, *size)
    image = picture(*size) // 2 + 100
    ours = fit(image, *target, Fitting("pad", "bilinear"))
    black = (ours == 0).all(axis=2)
    assert (black.all(axis=1).sum(), black.all(axis=0).sum()) == (target[0] - high, target[1] - wide)
    if min(size) * min(target) >= max(size):  # else TensorFlow makes that nothing
        expected = np.array(tf.image.resize_with_pad(image, *target, "bilinear", antialias=False))
        assert np.abs(ours - expected).max() <= 1.01


def test_order_turns_three_channels_alone() -> None:
    image = picture(9, 9)
    assert (fit_image(image, 9, 9, 3, Fitting(order="BGR")) == image[..., ::-1]).all()
    assert (fit_image(image, 9, 9, 1, Fitting(order="BGR")) == fit_image(image, 9, 9, 1)).all()


def test_what_has_the_shape_already_stays_as_it_is() -> None:
    image = picture(8, 12)
    for fits, by in product(("squash", "crop", "pad"), ("triangle", "bilinear")):
        assert (fit(image, 8, 12, Fitting(fits, by)) == image).all()
