# SPDX-License-Identifier: Apache-2.0
"""PAD: TFLite's reference kernel = NumPy reference = C, over awkward shapes."""

import pytest
from generated_c import check_operators
from tflite_builder import Builder

# Shape, then rows above and below, columns left and right.
CASES = [
    ((1, 3, 4, 2), *amounts)
    for amounts in (
        (0, 0, 0, 0),
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 1, 0),
        (0, 0, 0, 1),
        (1, 1, 1, 1),
        (0, 1, 0, 1),
        (3, 2, 1, 0),
        (2, 5, 0, 7),
        (4, 4, 4, 4),
    )
] + [((1, 1, 1, channels), 1, 2, 3, 4) for channels in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)]


def make(builder: Builder, source: int, *amounts: int) -> int:
    return builder.pad(source, *amounts)


@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::4])
