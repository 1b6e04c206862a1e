# SPDX-License-Identifier: Apache-2.0
"""RESHAPE: TFLite's reference kernel = NumPy reference = C, over awkward shapes."""

import pytest
from generated_c import check_operators
from tflite_builder import Builder

CASES = [
    (before, after)
    for before, after in (
        ((1, 4, 6, 2), (1, 48)),
        ((1, 4, 6, 2), (1, 6, 4, 2)),
        ((1, 4, 6, 2), (1, 2, 6, 4)),
        ((1, 4, 6, 2), (1, 24, 2)),
        ((1, 4, 6, 2), (1, 1, 1, 48)),
        ((1, 4, 6, 2), (1, 48, 1, 1)),
        ((1, 4, 6, 2), (1, 1, 48, 1)),
        ((1, 48), (1, 4, 6, 2)),
        ((1, 48), (1, 48, 1, 1)),
        ((1, 48), (1, 3, 16)),
        ((1, 3, 16), (1, 4, 4, 3)),
        ((1, 1, 1, 5), (1, 5)),
        ((1, 1, 1, 1), (1, 1)),
        ((1, 5), (1, 1, 1, 5)),
        ((1, 5), (1, 5, 1)),
        ((1, 2, 2, 2), (1, 8)),
        ((1, 9, 1, 1), (1, 3, 3, 1)),
        ((1, 3, 3, 1), (1, 9)),
        ((1, 3, 3, 7), (1, 7, 9)),
        ((1, 2, 3, 4), (1, 4, 3, 2)),
    )
]


def make(builder: Builder, source: int, after: tuple[int, ...]) -> int:
    return builder.reshape(source, after)


@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::4])


def test_that_is_read_in_part() -> None:
    """Nothing is narrowed: the copy would write beyond what there is place for."""

    def corner(builder: Builder, source: int, after: tuple[int, ...], size: tuple[int, ...]) -> int:
        at = builder.reshape(source, after)
        part = builder.move("SLICE", (at, builder.integers((0, 0, 0, 0)), builder.integers(size)), size)
        return builder.conv(part, 3, (1, 1))

    check_operators(
        corner,
        [
            ((1, 4, 6, 2), (1, 6, 4, 2), (1, 3, 4, 2)),
            ((1, 4, 6, 2), (1, 6, 4, 2), (1, 4, 2, 2)),
            ((1, 4, 6, 2), (1, 2, 6, 4), (1, 1, 5, 1)),
            ((1, 4, 6, 2), (1, 8, 6, 1), (1, 3, 3, 1)),
        ],
    )
