# SPDX-License-Identifier: Apache-2.0
"""Random geometry: what moves, how far, and that it is a function of seed and epoch."""

import numpy as np
import pytest

from edgecnn.errors import DataError
from edgecnn.training.augmentation import Augmentation, augment, parse_augmentation


def _apply(augmentation: Augmentation, images: np.ndarray, epoch: int = 0) -> np.ndarray:
    count, height, width, _ = images.shape
    transforms = augmentation.transforms(count, height, width, 7, epoch)
    return augment(images, transforms, augmentation.offsets(count, 7, epoch)).numpy()


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((32, 9, 12, 3)).astype(np.float32)


def test_nothing_asked_for_changes_nothing(images: np.ndarray) -> None:
    np.testing.assert_allclose(_apply(Augmentation(), images), images, atol=1e-6)


def test_same_epoch_same_pictures_other_epoch_others(images: np.ndarray) -> None:
    augmentation = parse_augmentation("rotation=20,shift=0.2,zoom=0.2,shear=0.2,brightness=0.1,flip")
    np.testing.assert_array_equal(_apply(augmentation, images), _apply(augmentation, images))
    assert not np.allclose(_apply(augmentation, images), _apply(augmentation, images, epoch=1))


def test_flip_mirrors_about_half_of_the_images(images: np.ndarray) -> None:
    flipped = _apply(Augmentation(flip=True), images)
    mirrored = [np.allclose(a, b[:, ::-1], atol=1e-5) for a, b in zip(flipped, images, strict=True)]
    same = [np.allclose(a, b, atol=1e-5) for a, b in zip(flipped, images, strict=True)]
    assert all(m != s for m, s in zip(mirrored, same, strict=True))
    assert 8 <= sum(mirrored) <= 24


def test_a_quarter_turn_keeps_the_centre(images: np.ndarray) -> None:
    square = images[:, :9, :9]
    transforms = Augmentation(rotation=90).transforms(32, 9, 9, 7, 0)
    centre = transforms[:, :6].reshape(-1, 2, 3) @ np.array([4, 4, 1])
    np.testing.assert_allclose(centre, 4, atol=1e-5)
    assert _apply(Augmentation(rotation=90), square).min() >= 0


def test_shift_moves_by_at_most_its_part_of_the_side() -> None:
    transforms = Augmentation(shift=0.25).transforms(1000, 40, 80, 7, 0)
    assert 9 < np.abs(transforms[:, 5]).max() <= 10  # rows
    assert 18 < np.abs(transforms[:, 2]).max() <= 20  # columns


@pytest.mark.parametrize(
    "text", ["bend=1", "rotation", "rotation=", "zoom=x", "shift=-1", "flip=2", "zoom=nan"]
)
def test_what_is_no_augmentation_is_named(text: str) -> None:
    with pytest.raises(DataError, match=f'augmentation "{text}" is not one of: rotation=NUMBER'):
        parse_augmentation(f"brightness=0.1,{text}")
