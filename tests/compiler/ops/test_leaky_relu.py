# SPDX-License-Identifier: Apache-2.0
"""LEAKY_RELU: TFLite's reference kernel = NumPy reference = C, for all 256 values and many scales."""

import math

import pytest
from generated_c import check_lookups
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


@pytest.mark.parametrize("alpha", [0.01, 0.3, 1.2, -0.5])
def test_equal_to_the_oracle(alpha: float) -> None:
    check_lookups("LEAKY_RELU", alpha=alpha)


def test_alpha_is_a_number() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    made = builder.operator("LEAKY_RELU", (source,), builder.tensor((1, 4), "int8", 0.01), alpha=math.nan)
    with pytest.raises(ModelError, match="has alpha nan; a finite number needed"):
        compile_tflite(builder.build((source,), (made,)), name="net")
