# SPDX-License-Identifier: Apache-2.0
"""ADD: TFLite's reference kernel = NumPy reference = C, over awkward shapes."""

import pytest
from generated_c import check_operands, check_operators
from tflite_builder import NONE, RELU, RELU6, RELU_N1_TO_1, SAME, Builder

# Shape, activation, whether a convolution is added to the input or to another convolution.
CASES = [
    ((1, height, width, channels), activation, kind)
    for height, width, channels in ((1, 1, 1), (5, 7, 3), (8, 3, 6))
    for activation in (NONE, RELU, RELU6, RELU_N1_TO_1)
    for kind in ("branch", "branches")
]


def make(builder: Builder, source: int, activation: int, kind: str) -> int:
    channels = builder.tensors[source].shape[3]
    first = builder.conv(source, channels, padding=SAME)
    second = source if kind == "branch" else builder.conv(source, channels, (1, 1))
    return builder.add(first, second, activation)


@pytest.mark.parametrize("part", range(6))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::6])


@pytest.mark.parametrize("part", range(4))
def test_operands_that_broadcast(part: int) -> None:
    check_operands("ADD", part, (NONE, RELU, RELU6, RELU_N1_TO_1))
