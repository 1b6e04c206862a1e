# SPDX-License-Identifier: Apache-2.0
"""PADV2: TFLite's reference kernel = NumPy reference = C, over axes and values."""

import pytest
from generated_c import check_operators
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

CASES = [
    ((1, 3, 4, 2), paddings, value)
    for paddings in (((0, 0), (1, 0), (0, 2), (0, 0)), ((0, 0), (0, 1), (2, 0), (1, 2)))
    for value in (-128, -1, 0, 127)
] + [((1, 1, 1, 1), ((0, 0), (2, 1), (1, 3), (0, 0)), 5), ((1, 5), ((0, 0), (1, 2)), 7)]


def test_equal_to_the_oracle() -> None:
    check_operators(lambda builder, source, *arguments: builder.pad_axes(source, *arguments), CASES)


def test_a_value_of_another_scale_is_refused() -> None:
    builder = Builder()
    source = builder.input((1, 3, 4, 2))
    made = builder.pad_axes(source, ((0, 0), (1, 1), (1, 1), (0, 0)), 3)
    builder.tensors[builder.operators[-1][1][2]].scales = (0.5,)
    with pytest.raises(ModelError, match="no int8 number of its output's scale"):
        compile_tflite(builder.build((source,), (made,)), name="net")
