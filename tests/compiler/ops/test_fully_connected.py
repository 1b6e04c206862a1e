# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED: TFLite's reference kernel = NumPy reference = C, over awkward shapes."""

import pytest
from generated_c import check_operators
from tflite_builder import NONE, RELU, RELU6, RELU_N1_TO_1, Builder

# Shape, outputs, activation, per channel, bias; shapes with rows go through a RESHAPE.
CASES = [
    ((1, 1), 1),
    ((1, 7), 3),
    ((1, 8), 1, RELU),
    ((1, 33), 17, RELU6),
    ((1, 100), 10, RELU_N1_TO_1),
    ((1, 100), 10, NONE, True),
    ((1, 100), 10, RELU, True),
    ((1, 100), 10, NONE, False, False),
    ((1, 100), 10, NONE, True, False),
    ((1, 640), 128, RELU),
    ((1, 1, 1, 5), 4),
    ((1, 1, 5, 2), 4),
    ((1, 5, 1, 2), 4, RELU),
    ((1, 5, 4, 3), 6),
    ((1, 5, 4, 3), 6, RELU, True),
    ((1, 5, 4, 3), 6, RELU, True, False),
    ((1, 9, 9, 1), 2),
    ((1, 2, 3, 17), 31, RELU6),
    ((1, 16, 1, 1), 3),
    ((1, 3, 3, 3), 1),
    ((1, 4, 4, 32), 32, RELU),
    ((1, 30, 40, 32), 2),
]


def make(builder: Builder, source: int, *arguments: object) -> int:
    if len(builder.tensors[source].shape) == 4:
        source = builder.flatten(source)
    return builder.fully_connected(source, *arguments)


@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::4])
