# SPDX-License-Identifier: Apache-2.0
"""HARD_SWISH: TFLite's reference kernel = NumPy reference = C, for all 256 values and many scales."""

import pytest
from generated_c import check_lookups
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


def test_equal_to_the_oracle() -> None:
    check_lookups("HARD_SWISH", finest=0.01)


def test_an_output_scale_that_is_too_fine() -> None:
    builder = Builder()
    source = builder.input((1, 4), 0.5)
    made = builder.operator("HARD_SWISH", (source,), builder.tensor((1, 4), "int8", 0.001))
    with pytest.raises(ModelError, match="less than 1/128 of its input's"):
        compile_tflite(builder.build((source,), (made,)), name="net")
