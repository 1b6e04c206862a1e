# SPDX-License-Identifier: Apache-2.0
"""MEAN: TFLite's reference kernel = NumPy reference = C, over awkward shapes."""

import pytest
from generated_c import check_operators, check_reductions
from tflite_builder import Builder

CASES = [
    ((1, height, width, channels), keep)
    for height, width, channels in (
        (1, 1, 1),
        (1, 7, 2),
        (7, 1, 2),
        (3, 5, 4),
        (8, 8, 16),
        (9, 11, 3),
        (5, 5, 33),
        (13, 2, 1),
        (16, 16, 2),
        (31, 33, 1),
    )
    for keep in (True, False)
] + [((1, 7, 7, 5), True)]


def make(builder: Builder, source: int, keep: bool) -> int:
    return builder.mean(source, keep)


@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::4])


@pytest.mark.parametrize("part", range(3))
def test_any_axes(part: int) -> None:
    check_reductions("MEAN", part)
