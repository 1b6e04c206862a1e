# SPDX-License-Identifier: Apache-2.0
"""CONV_2D: TFLite's reference kernel = NumPy reference = C, over awkward shapes."""

import pytest
from generated_c import check_operators
from tflite_builder import NONE, RELU, RELU6, RELU_N1_TO_1, SAME, VALID, Builder

# Shape, filters, size, stride, padding, activation, dilation, per channel, bias, dead filters.
CASES = [
    ((1, 7, 9, 3), 5),
    ((1, 1, 1, 1), 1, (1, 1)),
    ((1, 1, 9, 2), 3, (1, 3)),
    ((1, 9, 1, 2), 3, (3, 1)),
    ((1, 5, 5, 2), 4, (5, 5)),
    ((1, 2, 2, 3), 4, (5, 5), (1, 1), SAME),
    ((1, 8, 8, 1), 8, (3, 3), (2, 2), SAME, RELU),
    ((1, 9, 9, 1), 8, (3, 3), (2, 2), SAME, RELU6),
    ((1, 9, 8, 2), 3, (3, 3), (2, 1), SAME, RELU_N1_TO_1),
    ((1, 11, 10, 2), 3, (3, 3), (3, 3), VALID, RELU),
    ((1, 11, 10, 2), 3, (2, 2), (3, 3), SAME),
    ((1, 10, 11, 2), 3, (2, 4), (1, 2), SAME, NONE),
    ((1, 6, 6, 4), 6, (1, 1), (2, 2), SAME, NONE),
    ((1, 6, 6, 4), 6, (1, 1), (1, 1), VALID, RELU, (1, 1), False),
    ((1, 12, 12, 2), 3, (3, 3), (1, 1), SAME, NONE, (2, 2)),
    ((1, 12, 12, 2), 3, (3, 3), (1, 1), VALID, RELU, (3, 2)),
    ((1, 5, 5, 2), 3, (3, 3), (1, 1), SAME, NONE, (4, 4)),
    ((1, 6, 5, 3), 7, (3, 3), (1, 1), SAME, NONE, (1, 1), False),
    ((1, 6, 5, 3), 7, (3, 3), (1, 1), SAME, RELU, (1, 1), True),
    ((1, 6, 5, 3), 7, (3, 3), (1, 1), SAME, RELU, (1, 1), True, True, 3),
    ((1, 6, 5, 3), 2, (3, 3), (1, 1), VALID, NONE, (1, 1), True, True, 2),
    ((1, 4, 17, 33), 2, (3, 3), (1, 1), SAME),
    ((1, 3, 3, 1), 65, (3, 3)),
    ((1, 6, 6, 2), 4, (3, 3), (1, 1), SAME, NONE, (1, 1), True, True, 0, False, 40.0),  # left shifts
]


def make(builder: Builder, source: int, *arguments: object) -> int:
    return builder.conv(source, *arguments)


@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::4])
