# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D: TFLite's reference kernel = NumPy reference = C, over awkward shapes."""

import pytest
from generated_c import check_operators
from tflite_builder import NONE, RELU, RELU6, RELU_N1_TO_1, SAME, VALID, Builder

# Shape, multiplier, size, stride, padding, activation, dilation, per channel, bias, dead filters.
CASES = [
    ((1, 7, 9, 3), 1),
    ((1, 1, 1, 1), 1, (1, 1)),
    ((1, 1, 1, 1), 5, (3, 3), (1, 1), SAME),
    ((1, 1, 9, 2), 3, (1, 3)),
    ((1, 9, 1, 2), 3, (3, 1)),
    ((1, 5, 5, 2), 1, (5, 5)),
    ((1, 2, 2, 3), 2, (5, 5), (1, 1), SAME),
    ((1, 8, 8, 1), 8, (3, 3), (2, 2), SAME, RELU),
    ((1, 9, 9, 8), 1, (3, 3), (2, 2), SAME, RELU6),
    ((1, 9, 8, 2), 3, (3, 3), (2, 2), SAME, RELU_N1_TO_1),
    ((1, 11, 10, 2), 3, (3, 3), (3, 3), VALID, RELU),
    ((1, 11, 10, 2), 1, (2, 2), (3, 3), SAME),
    ((1, 10, 11, 2), 1, (2, 4), (2, 2), SAME, NONE),
    ((1, 6, 6, 4), 1, (1, 1), (2, 2), SAME, NONE),
    ((1, 6, 6, 4), 2, (1, 1), (1, 1), VALID, RELU, (1, 1), False),
    ((1, 12, 12, 2), 1, (3, 3), (1, 1), SAME, NONE, (2, 2)),
    ((1, 12, 12, 2), 2, (3, 3), (1, 1), VALID, RELU, (2, 2)),
    ((1, 5, 5, 2), 1, (3, 3), (1, 1), SAME, NONE, (4, 4)),
    ((1, 6, 5, 3), 1, (3, 3), (1, 1), SAME, NONE, (1, 1), False, False),
    ((1, 6, 5, 3), 1, (3, 3), (1, 1), SAME, RELU, (1, 1), True, True, 2),
    ((1, 4, 17, 33), 1, (3, 3), (1, 1), SAME),
    ((1, 3, 3, 1), 65, (3, 3)),
]


def make(builder: Builder, source: int, *arguments: object) -> int:
    filled = [*arguments, *DEFAULTS[len(arguments) :]]
    return builder.conv(source, *filled, depthwise=True)


DEFAULTS = (1, (3, 3), (1, 1), VALID, NONE, (1, 1), True, True, 0)


@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::4])
