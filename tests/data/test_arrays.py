# SPDX-License-Identifier: Apache-2.0
"""Samples become arrays in their order."""

import numpy as np
import pytest

from edgecnn.data.arrays import load_arrays
from edgecnn.data.dataset import open_dataset
from edgecnn.data.images import load_image
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
