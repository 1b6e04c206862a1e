# SPDX-License-Identifier: Apache-2.0
"""Images with masks: found in folders and CSV files, loaded as 0 and 1, and refused where they don't fit."""

from pathlib import Path

import numpy as np
import pytest
from deep_pictures import write_tiff
from PIL import Image

from edgecnn.data.arrays import decode_mask, fit_mask, load_arrays, load_dataset
from edgecnn.data.check import check
from edgecnn.data.dataset import open_dataset
from edgecnn.data.images import decode
from edgecnn.data.phantoms import write_phantoms
from edgecnn.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        for index in range(10):
            pixels = draw.integers(0, 256, (6, 8)).astype(np.uint8)
            values = pixels if name == "images" else np.where(pixels > 99, np.uint8(255), np.uint8(0))
            Image.fromarray(values).save(tmp_path / name / f"{index}.png")
    return tmp_path


def test_a_folder_of_images_and_masks_is_split(folder: Path) -> None:
    dataset = open_dataset(folder, seed=0)
    assert dataset.masks
    assert dataset.classes == ("foreground",)
    assert [len(dataset.part(part)) for part in ("train", "validation", "test")] == [7, 2, 1]
    assert all(sample.mask == folder / "masks" / sample.path.name for sample in dataset.samples)
    arrays = load_arrays(dataset.part("train"), 6, 8, 1)
    assert arrays.masks is not None
    assert arrays.masks.shape == (7, 6, 8, 1)
    assert set(np.unique(arrays.masks)) == {0, 1}


def test_a_csv_file_names_image_and_mask_and_the_mask_is_in_the_fingerprint(folder: Path) -> None:
    rows = [f"images/{i}.png,masks/{i}.png,{'train' if i < 6 else 'test'}" for i in range(10)]
    (folder / "m.csv").write_text("\n".join(["image,mask,split", *rows]))
    dataset = open_dataset(folder / "m.csv", seed=0)
    assert dataset.masks
    assert len(dataset.part("test")) == 4
    before = dataset.fingerprint
    Image.new("L", (8, 6)).save(folder / "masks" / "3.png")
    assert open_dataset(folder / "m.csv", seed=0).fingerprint != before


def test_what_has_no_partner_or_another_size_is_named(folder: Path) -> None:
    Image.new("L", (5, 5)).save(folder / "masks" / "3.png")
    dataset = open_dataset(folder, seed=0)
    assert [reason for _, reason in dataset.skipped] == [
        f"{folder}/masks/3.png has not the size of {folder}/images/3.png"
    ]
    assert load_dataset(folder, (6, 8, 1), seed=0)[0].skipped == dataset.skipped
    (folder / "masks" / "3.png").unlink()
    with pytest.raises(DataError, match=r"images/3\.png has no partner in .*masks"):
        open_dataset(folder, seed=0)


def test_a_mask_is_black_and_white_and_stays_so_when_resized(tmp_path: Path) -> None:
    values = np.array([[255, 255, 0, 0, 255, 255]], np.uint8)
    Image.fromarray(values.repeat(2, axis=0)).save(tmp_path / "mask.png")
    assert fit_mask(tmp_path, decode(tmp_path / "mask.png"), 1, 3).ravel().tolist() == [1, 0, 1]
    Image.fromarray(values // 255).save(tmp_path / "dark.png")
    with pytest.raises(DataError, match=r"dark\.png has no value above 1; a mask is black \(0\) and white"):
        fit_mask(tmp_path / "dark.png", decode(tmp_path / "dark.png"), 1, 3)


def test_a_check_refuses_the_masks_that_training_refuses(folder: Path) -> None:
    Image.new("L", (8, 6), 1).save(folder / "masks" / "5.png")
    with pytest.raises(DataError, match=r"masks/5\.png has no value above 1; a mask is black"):
        check(open_dataset(folder, seed=0))


def test_a_mask_of_signed_bytes_is_white_where_all_bits_are(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "mask.tif", np.array([[0, -1, 0]]), dtype="i1")
    assert decode_mask(path).ravel().tolist() == [0, 255, 0]


def test_phantoms_come_with_masks_of_their_nodules(tmp_path: Path) -> None:
    counts = {"train": 6, "validation": 3, "test": 3}
    write_phantoms(tmp_path / "masks", counts, 0, masks=True)
    write_phantoms(tmp_path / "classes", counts, 0)
    dataset = open_dataset(tmp_path / "masks", seed=0)
    arrays = load_arrays(dataset.part("train"), 64, 64, 1)
    assert arrays.masks is not None
    for path, mask in zip(arrays.paths, arrays.masks, strict=True):
        kind = path.name.split("-")[0]
        assert path.read_bytes() == (tmp_path / "classes" / "train" / kind / path.name).read_bytes()
        assert mask.any() == (kind != "normal")
        assert mask.mean() < 0.2


@pytest.mark.parametrize(("white", "refused"), [(65535, False), (255, False), (1, True), (3000, True)])
def test_masks_of_16_bits_are_white_at_255_or_65535(tmp_path: Path, white: int, refused: bool) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[0, white, 0]], np.uint16)).save(path)
    mask = decode_mask(path)
    if refused:
        with pytest.raises(DataError, match=r"mask\.png has no value above .*; a mask is black"):
            fit_mask(path, mask, 1, 3)
    else:
        assert fit_mask(path, mask, 1, 3).ravel().tolist() == [0, 1, 0]
