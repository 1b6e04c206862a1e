# SPDX-License-Identifier: Apache-2.0
"""REDUCE_MIN: TFLite's reference kernel = NumPy reference = C, over any axes."""

import pytest
from generated_c import check_reductions


@pytest.mark.parametrize("part", range(3))
def test_equal_to_the_oracle(part: int) -> None:
    check_reductions("REDUCE_MIN", part)
