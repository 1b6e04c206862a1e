# SPDX-License-Identifier: Apache-2.0
"""SQUARED_DIFFERENCE: TFLite's kernel = NumPy reference = C, over shapes that broadcast and constants."""

import pytest
from generated_c import check_operands


@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(part: int) -> None:
    check_operands("SQUARED_DIFFERENCE", part)
