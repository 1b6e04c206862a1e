# SPDX-License-Identifier: Apache-2.0
"""SUB: TFLite's reference kernel = NumPy reference = C, over shapes that broadcast and constants."""

import pytest
from generated_c import check_operands
from tflite_builder import NONE, RELU, RELU6, RELU_N1_TO_1


@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(part: int) -> None:
    check_operands("SUB", part, (NONE, RELU, RELU6, RELU_N1_TO_1))
