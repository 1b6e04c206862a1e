# SPDX-License-Identifier: Apache-2.0
"""RELU_0_TO_1: TFLite's reference kernel = NumPy reference = C, for all 256 values and many scales."""

from generated_c import check_lookups


def test_equal_to_the_oracle() -> None:
    check_lookups("RELU_0_TO_1")
