# SPDX-License-Identifier: Apache-2.0
"""The built-in data: repeatable, labelled synthetic, and with no class given away by a trivial figure."""

import numpy as np
import pytest
from PIL import Image

from edgecnn.data.dataset import open_dataset
from edgecnn.data.phantoms import CLASSES, NOTE, phantom, write_phantoms
from edgecnn.errors import DataError


def test_a_seed_draws_the_same_picture():
    for label in range(len(CLASSES)):
        first, again, other = (phantom(label, np.random.default_rng([seed, label])) for seed in (7, 7, 8))
        assert first.shape == (64, 64)
        assert first.dtype == np.uint8
        assert (first == again).all()
        assert (first != other).mean() > 0.5


def test_they_are_written_into_splits_and_say_what_they_are(tmp_path):
    write_phantoms(tmp_path / "phantoms", {"train": 9, "validation": 4, "test": 6}, seed=1)
    dataset = open_dataset(tmp_path / "phantoms", seed=0)
    assert dataset.classes == CLASSES
    assert [len(dataset.part(split)) for split in ("train", "validation", "test")] == [9, 4, 6]
    with Image.open(dataset.samples[0].path) as image:
        assert image.text["Description"] == NOTE
        assert (image.mode, image.size) == ("L", (64, 64))
    assert "synthetic" in (tmp_path / "phantoms" / "README.txt").read_text()


def test_an_image_does_not_depend_on_how_many_there_are(tmp_path):
    for name, count in (("few", 6), ("more", 12)):
        write_phantoms(tmp_path / name, {"train": count, "validation": count, "test": 3}, seed=5)
    few = sorted(path.relative_to(tmp_path / "few") for path in (tmp_path / "few").rglob("*.png"))
    assert len(few) == 15
    assert all((tmp_path / "few" / p).read_bytes() == (tmp_path / "more" / p).read_bytes() for p in few)


def test_splits_hold_different_pictures(tmp_path):
    write_phantoms(tmp_path / "p", {"train": 6, "validation": 6, "test": 6}, seed=0)
    assert len({path.read_bytes() for path in (tmp_path / "p").rglob("*.png")}) == 18


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DataError, match="is not an empty folder"):
        write_phantoms(tmp_path, {"train": 3}, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_too_few_are_refused(tmp_path):
    with pytest.raises(DataError, match="2 phantoms for test are too few"):
        write_phantoms(tmp_path / "p", {"train": 3, "test": 2}, seed=0)
    assert not (tmp_path / "p").exists()
