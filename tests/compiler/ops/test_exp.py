# SPDX-License-Identifier: Apache-2.0
"""EXP: TFLite's reference kernel = NumPy reference = C, for all 256 values."""

import pytest
from generated_c import check_lookups
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


def test_equal_to_the_oracle() -> None:
    check_lookups("EXP", farthest=0.07)


def test_what_32_bits_do_not_hold_is_refused() -> None:
    builder = Builder()
    source = builder.input((1, 4), 1.0, -128)
    made = builder.operator("EXP", (source,), builder.activation((1, 4), 0.1, 0))
    with pytest.raises(ModelError, match="32 bits don't hold its results"):
        compile_tflite(builder.build((source,), (made,)), name="net")
