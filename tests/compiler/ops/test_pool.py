# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D and MAX_POOL_2D: TFLite's reference kernel = NumPy reference = C, over awkward shapes."""

from functools import partial

import pytest
from generated_c import check_operators
from tflite_builder import RELU, RELU6, RELU_N1_TO_1, SAME, VALID, Builder

# Shape, window, stride, padding, activation.
CASES = [
    ((1, 6, 8, 3), (2, 2), (2, 2)),
    ((1, 7, 9, 3), (2, 2), (2, 2)),
    ((1, 7, 9, 3), (2, 2), (2, 2), SAME),
    ((1, 9, 9, 2), (3, 3), (3, 3)),
    ((1, 10, 11, 2), (3, 3), (3, 3), SAME),
    ((1, 10, 11, 2), (3, 3), (2, 2)),
    ((1, 10, 11, 2), (3, 3), (2, 2), SAME),
    ((1, 10, 11, 2), (3, 3), (1, 1), SAME),
    ((1, 5, 5, 4), (5, 5), (5, 5)),
    ((1, 5, 5, 4), (5, 5), (1, 1), SAME),
    ((1, 2, 2, 4), (4, 4), (1, 1), SAME),
    ((1, 1, 1, 1), (1, 1), (1, 1)),
    ((1, 1, 8, 2), (1, 2), (1, 2)),
    ((1, 8, 1, 2), (2, 1), (2, 1)),
    ((1, 8, 6, 2), (2, 3), (3, 1)),
    ((1, 8, 6, 2), (1, 1), (2, 2), SAME),
    ((1, 8, 6, 2), (2, 2), (3, 3), VALID, RELU),
    ((1, 8, 6, 2), (2, 2), (2, 2), VALID, RELU6),
    ((1, 8, 6, 2), (3, 2), (2, 2), SAME, RELU_N1_TO_1),
    ((1, 7, 6, 17), (2, 2), (2, 2), SAME, RELU),
    ((1, 8, 8, 64), (8, 8), (8, 8)),
]


def make(kind: str, builder: Builder, source: int, *arguments: object) -> int:
    return builder.pool(source, kind, *arguments)


@pytest.mark.parametrize("kind", ["AVERAGE", "MAX"])
@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(kind: str, part: int) -> None:
    check_operators(partial(make, kind), CASES[part::4])
