# SPDX-License-Identifier: Apache-2.0
"""Samples become arrays in their order."""

import numpy as np
import pytest

from edgecnn.data import arrays as arrays_module
from edgecnn.data.arrays import load_arrays, load_dataset
from edgecnn.data.dataset import PARTS, open_dataset
from edgecnn.data.images import decode, load_image
from edgecnn.errors import DataError


def test_arrays_follow_the_samples(folder):
    samples = open_dataset(folder, seed=0).samples
    seen = []
    arrays = load_arrays(samples, 12, 16, 3, lambda step, done, total, note="": seen.append((done, total)))
    assert arrays.images.shape == (20, 12, 16, 3)
    assert (arrays.images.dtype, arrays.labels.dtype) == (np.uint8, np.int64)
    assert arrays.labels.tolist() == [sample.label for sample in samples]
    assert arrays.paths == tuple(sample.path for sample in samples)
    assert arrays.groups == tuple(sample.group for sample in samples)
    for index in (0, 7, 19):
        assert (arrays.images[index] == load_image(samples[index].path, 12, 16, 3)).all()
    assert seen == [(number, 20) for number in range(1, 21)]


def test_no_samples():
    assert load_arrays([], 8, 8, 1).images.shape == (0, 8, 8, 1)


def test_a_file_that_broke_meanwhile_is_named(folder):
    samples = open_dataset(folder, seed=0).samples
    samples[3].path.write_bytes(b"")
    with pytest.raises(DataError, match=samples[3].path.name):
        load_arrays(samples, 8, 8, 1)


def assert_same(folder, found):
    dataset, parts = found
    expected = open_dataset(folder, seed=0)
    assert dataset == expected
    assert tuple(parts) == PARTS
    for part in PARTS:
        arrays = load_arrays(expected.part(part), 12, 16, 3)
        assert (parts[part].images == arrays.images).all()
        assert parts[part].paths == arrays.paths


def test_a_data_set_is_loaded_with_each_file_decoded_once(folder, monkeypatch):
    (folder / "cat" / "notes.txt").write_text("about cats")
    decoded = []

    def counting(path, window):
        decoded.append(path)
        return decode(path, window=window)

    monkeypatch.setattr(arrays_module, "decode", counting)
    found = load_dataset(folder, (12, 16, 3), seed=0)
    assert sorted(decoded) == sorted(folder.rglob("*.png"))
    assert_same(folder, found)


def test_damaged_files_are_left_out_before_a_data_set_is_divided(folder):
    path = folder / "dog" / "01.png"
    path.write_bytes(path.read_bytes()[:-200])
    found = load_dataset(folder, (12, 16, 3), seed=0)
    assert [name for name, _ in found[0].skipped] == ["dog/01.png"]
    assert_same(folder, found)
    with pytest.raises(DataError, match=r"1 of 20 files can't be used, the first: .*01\.png can't"):
        load_dataset(folder, (12, 16, 3), seed=0, strict=True)
