# SPDX-License-Identifier: Apache-2.0
"""GELU: TFLite's reference kernel = NumPy reference = C, for all 256 values and many scales."""

import pytest
from generated_c import check_lookups


@pytest.mark.parametrize("approximate", [False, True])
def test_equal_to_the_oracle(approximate: bool) -> None:
    check_lookups("GELU", approximate=approximate)
