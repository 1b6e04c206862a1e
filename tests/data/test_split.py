# SPDX-License-Identifier: Apache-2.0
"""Splits: stratified, whole groups, repeatable."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecnn.data.split import split_by_group

THREE, FIVE = (0.7, 0.15, 0.15), (0.2,) * 5


def alone(count):
    return [str(number) for number in range(count)]


def test_single_images_are_split_to_the_image():
    labels = [0] * 100 + [1] * 1000
    parts = split_by_group(labels, alone(1100), THREE, seed=0)
    assert np.bincount(parts[:100]).tolist() == [70, 15, 15]
    assert np.bincount(parts[100:]).tolist() == [700, 150, 150]


def test_the_seed_decides_and_nothing_else():
    labels, groups = [0, 1] * 50, alone(100)
    first = split_by_group(labels, groups, THREE, seed=1)
    assert (first == split_by_group(labels, groups, THREE, seed=1)).all()
    assert (first != split_by_group(labels, groups, THREE, seed=2)).any()
    # Pinned: a split must not change with a version of Python or NumPy.
    assert "".join(map(str, first[:40])) == "0002110022001000002000011001000001110000"


def test_the_order_of_samples_does_not_matter():
    labels, groups = [0, 1] * 30, [f"g{number // 4}" for number in range(60)]
    forwards = dict(zip(groups, split_by_group(labels, groups, THREE, seed=3), strict=True))
    backwards = dict(
        zip(groups[::-1], split_by_group(labels[::-1], groups[::-1], THREE, seed=3), strict=True)
    )
    assert forwards == backwards


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=200),
    st.sampled_from([THREE, FIVE]),
    st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_groups_stay_whole(samples, fractions, seed):
    labels, groups = [label for label, _ in samples], [str(group) for _, group in samples]
    parts = split_by_group(labels, groups, fractions, seed)
    assert len({(group, part) for group, part in zip(groups, parts, strict=True)}) == len(set(groups))
    assert set(parts) <= set(range(len(fractions)))


@given(st.lists(st.integers(1, 20), min_size=3, max_size=40), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_a_class_with_enough_groups_is_in_every_part(sizes, seed):
    groups = [str(number) for number, size in enumerate(sizes) for _ in range(size)]
    assert set(split_by_group([0] * len(groups), groups, THREE, seed)) == {0, 1, 2}


@pytest.mark.parametrize("seed", range(5))
def test_folds_of_grouped_images_are_alike(seed):
    sizes = np.random.default_rng(seed).integers(1, 30, 120)
    groups = [str(number) for number, size in enumerate(sizes) for _ in range(size)]
    labels = [int(group) % 3 for group in groups]
    parts = split_by_group(labels, groups, FIVE, seed)
    for label in range(3):
        held = Counter(part for part, own in zip(parts, labels, strict=True) if own == label)
        assert max(held.values()) - min(held.values()) <= 30  # no more than the largest group
