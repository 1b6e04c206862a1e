# SPDX-License-Identifier: Apache-2.0
"""IDX files open like a folder of pictures by label; damaged ones are named in one line."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data import idx
from edgecnn.data.arrays import load_dataset
from edgecnn.data.dataset import open_dataset
from edgecnn.errors import DataError
from edgecnn.pipeline.run.options import TrainOptions, check_train

SHAPES = {"train": 24, "t10k": 6}


def content(values: np.ndarray, kind: int = 8) -> bytes:
    return bytes((0, 0, kind, values.ndim)) + np.array(values.shape, ">u4").tobytes() + values.tobytes()


@pytest.fixture
def pictures() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {part: draw.integers(0, 256, (count, 5, 4), np.uint8) for part, count in SHAPES.items()}


@pytest.fixture
def idx_folder(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    """As Debian has them, packed; labels go round, 3, 10, 0 and so on."""
    folder = tmp_path / "clothes"
    folder.mkdir()
    for part, images in pictures.items():
        labels = np.resize(np.array([3, 10, 0], np.uint8), len(images))
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(content(values)))
    return folder


def test_pictures_and_labels_are_those_of_the_files(
    idx_folder: Path, pictures: dict[str, np.ndarray]
) -> None:
    dataset, arrays = load_dataset(idx_folder, (5, 4, 1), seed=0)
    assert dataset.classes == ("00", "03", "10")
    assert {part: len(found.labels) for part, found in arrays.items()} == {
        "train": 21,
        "validation": 3,
        "test": 6,
    }
    for path, image, label in zip(
        arrays["test"].paths, arrays["test"].images, arrays["test"].labels, strict=True
    ):
        number = int(path.stem)
        np.testing.assert_array_equal(image[..., 0], pictures["t10k"][number])
        assert label == (1, 2, 0)[number % 3]
    numbers = sorted(int(path.stem) for part in ("train", "validation") for path in arrays[part].paths)
    assert numbers == list(range(24))


def test_unpacked_files_are_the_same_data(idx_folder: Path) -> None:
    before = open_dataset(idx_folder, seed=0).fingerprint
    for path in idx_folder.iterdir():
        unpacked = path.with_name(path.stem.replace("-idx", ".idx").replace("t10k", "test"))
        unpacked.write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert open_dataset(idx_folder, seed=0).fingerprint == before


def test_train_takes_them_and_unpacks_nothing_to_check_its_options(
    idx_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idx, "_write", None)
    check_train(tmp_path / "run", TrainOptions(idx_folder, "cainvas"))


def damage(path: Path, change: str) -> None:
    whole = path.read_bytes()
    values = gzip.decompress(whole)
    changed = {
        "cut": whole[: len(whole) // 2],
        "plain": values,
        "short": gzip.compress(values[:-1]),
        "long": gzip.compress(values + b"0"),
        "type": gzip.compress(values[:2] + b"\x0d" + values[3:]),
        "head": gzip.compress(values[:6]),
        "huge": gzip.compress(values[:4] + b"\xff" * 12 + values[16:]),
        "none": gzip.compress(content(np.zeros((0, 5, 4), np.uint8))),
    }
    path.write_bytes(changed[change])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("cut", "can't be read: Compressed file ended before .*; download it again"),
        ("plain", "can't be read: Not a gzipped file"),
        ("short", "has not the 480 values that it says it has; download it again"),
        ("long", "has not the 480 values that it says it has"),
        ("type", "does not begin as an IDX file of bytes with 3 dimensions does; download it again"),
        ("head", "does not begin as an IDX file of bytes with 3 dimensions does"),
        ("huge", "says that it has 79,228,162,458,924,105,385,300,197,375 values; at most 17,179,869,184"),
        ("none", "has 24 labels, but .*train-images-idx3-ubyte.gz 0 pictures; they don't belong together"),
    ],
)
def test_what_is_damaged_is_named(idx_folder: Path, change: str, message: str) -> None:
    damage(idx_folder / "train-images-idx3-ubyte.gz", change)
    with pytest.raises(DataError, match=message) as error:
        open_dataset(idx_folder, seed=0)
    assert "\n" not in str(error.value)


def test_a_missing_file_and_one_too_many_are_named(idx_folder: Path) -> None:
    labels = idx_folder / "t10k-labels-idx1-ubyte.gz"
    (idx_folder / "test-labels-idx1-ubyte").write_bytes(b"")
    with pytest.raises(
        DataError, match=r"holds t10k-labels-idx1-ubyte\.gz and test-labels-idx1-ubyte of test"
    ):
        open_dataset(idx_folder, seed=0)
    (idx_folder / "test-labels-idx1-ubyte").unlink()
    labels.unlink()
    message = (
        "holds no file of test labels; it needs one called t10k-labels-idx1-ubyte, or with .gz behind it"
    )
    with pytest.raises(DataError, match=message):
        open_dataset(idx_folder, seed=0)


def test_where_the_disk_is_full_the_folder_is_named(
    idx_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match=r"clothes can't be unpacked to .*: No space left on device"):
        open_dataset(idx_folder, seed=0)
