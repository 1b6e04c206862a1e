# SPDX-License-Identifier: Apache-2.0
"""ELU: TFLite's optimized kernel (there is no reference one) = NumPy reference = C, for all 256 values."""

from generated_c import check_lookups


def test_equal_to_the_optimized_kernel() -> None:
    check_lookups("ELU", optimized=True)
