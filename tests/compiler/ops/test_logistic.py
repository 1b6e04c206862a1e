# SPDX-License-Identifier: Apache-2.0
"""LOGISTIC: TFLite's reference kernel = NumPy reference = C, over awkward shapes."""

import numpy as np
import pytest
from generated_c import check_operators
from tflite_builder import Builder

# Scale and zero point of the input, which holds all 256 values.
CASES = [
    ((1, 16, 16, 1), scale, zero_point)
    for scale in (0.001, 0.0117, 0.05, 0.0625, 0.1, 0.5, 4.1, 8.28)
    for zero_point in (-128, 3, 127)
]


def make(builder: Builder, source: int, scale: float, zero_point: int) -> int:
    builder.tensors[source].scales = (float(np.float32(scale)),)
    builder.tensors[source].zero_points = (zero_point,)
    return builder.unary("LOGISTIC", source)


@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::4])
