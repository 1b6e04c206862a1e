# SPDX-License-Identifier: Apache-2.0
"""Finding pictures again, and not finding what is not there."""

import numpy as np
import pytest

from edgecnn.data import duplicates
from edgecnn.data.alike import candidates
from edgecnn.data.duplicates import SIMILAR, exact_groups, near_pairs
from edgecnn.data.phantoms import phantom
from edgecnn.data.resize import resize


@pytest.fixture(params=["each with each", "those with the same keys"], autouse=True)
def effort(request, monkeypatch):
    if request.param != "each with each":
        monkeypatch.setattr(duplicates, "EACH_WITH_EACH", 0)


def pictures(count, seed=0):
    """Return unlike pictures, (count, 96, 96, 1)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 12, 12, 1), np.uint8)
    return np.stack([resize(image, 96, 96) for image in coarse])


def thumbnails(images):
    return np.stack([resize(np.ascontiguousarray(image), 32, 32)[..., 0] for image in images])


def found(images):
    (pairs,) = near_pairs(thumbnails(images), [np.arange(len(images))])
    return [(pair.first, pair.second) for pair in pairs]


def changes():
    noise = np.random.default_rng(1).normal(0, 4, (96, 96, 1))
    return {
        "same": lambda image: image,
        "darker": lambda image: image // 2 + 20,
        "noise": lambda image: np.clip(image + noise, 0, 255).astype(np.uint8),
        "smaller": lambda image: resize(image, 60, 60),
        "squashed": lambda image: resize(image, 96, 64),
        "mirrored": lambda image: image[:, ::-1],
        "upside down": lambda image: image[::-1],
        "turned": np.rot90,
        "turned and mirrored": lambda image: np.rot90(image, 3)[:, ::-1],
    }


@pytest.mark.parametrize("change", changes())
def test_a_changed_copy_is_found_and_nothing_else(change):
    images = list(pictures(300))  # more than one block
    images.append(changes()[change](images[17]))
    assert found(images) == [(17, 300)]


def test_agrees_with_plain_correlation():
    images = pictures(9)
    thumbs = thumbnails(np.concatenate([images, images[:4, ::-1]]))
    padded = np.pad(thumbs.astype(float), ((0, 0), (1, 1), (1, 1)), mode="edge")
    local = sum(padded[:, dy : dy + 32, dx : dx + 32] for dy in range(3) for dx in range(3)) / 9
    detail = thumbs - local
    (pairs,) = near_pairs(thumbs, [np.arange(13)])
    assert [(pair.first, pair.second) for pair in pairs] == [(number, number + 9) for number in range(4)]
    for pair in pairs:
        expected = np.corrcoef(detail[pair.first].ravel(), detail[pair.second][::-1].ravel())[0, 1]
        assert pair.similarity == pytest.approx(expected, abs=1e-4)


def test_kinds_limit_what_is_compared():
    images = pictures(4)
    thumbs = thumbnails([*images, images[0], images[1]])
    anywhere, across = near_pairs(thumbs, [np.arange(6), np.array([0, 0, 1, 1, 1, 0])])
    assert [(pair.first, pair.second) for pair in anywhere] == [(0, 4), (1, 5)]
    assert [(pair.first, pair.second) for pair in across] == [(0, 4)]


def test_flat_pictures_are_like_nothing():
    assert found([np.full((40, 40, 1), level, np.uint8) for level in (0, 0, 128, 255)]) == []


def test_a_film_gives_no_more_pairs_than_frames():
    assert len(found([pictures(1)[0]] * 50)) <= 50


def test_no_false_alarm_among_phantoms():
    phantoms = [phantom(number % 3, np.random.default_rng([5, number]))[..., None] for number in range(600)]
    assert found(phantoms) == []
    assert SIMILAR == 0.9


def test_work_grows_with_the_number_of_images_alone():
    """Even where all images are alike, so that all have the same keys."""
    for count in (100, 400):
        details = np.repeat(np.eye(32, dtype=np.float32)[np.newaxis] / 32**0.5, count, axis=0)
        first, second = candidates(details, 0)
        assert count <= len(first) <= 2 * count
        assert (first < second).all()
        assert len(set(first.tolist()) | set(second.tolist())) == count


def test_exact_groups():
    assert exact_groups(["a", "b", "a", "c", "b", "a"]) == [(0, 2, 5), (1, 4)]
