# SPDX-License-Identifier: Apache-2.0
"""PRELU: TFLite's reference kernel = NumPy reference = C, with alphas of many shapes."""

import pytest
from generated_c import OPERANDS, check, operands

# Alpha broadcasts to the input, which is no constant.
CASES = [case for case in OPERANDS if case[0] == (1, 5, 7, 3)]


@pytest.mark.parametrize("part", range(3))
def test_equal_to_the_oracle(part: int) -> None:
    check([operands("PRELU", *case) for case in CASES[part::3]])
