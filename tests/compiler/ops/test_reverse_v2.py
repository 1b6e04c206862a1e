# SPDX-License-Identifier: Apache-2.0
"""REVERSE_V2: TFLite's reference kernel = NumPy reference = C, over every axis."""

import pytest
from generated_c import check_operators
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


def make(builder: Builder, source: int, axes: list[int]) -> int:
    made = builder.like(source, builder.tensors[source].shape)
    return builder.operator("REVERSE_V2", (source, builder.integers(axes)), made)


def test_equal_to_the_oracle() -> None:
    cases = [((1, 4, 5, 3), [axis]) for axis in (1, 2, 3, -1)]
    check_operators(make, [*cases, ((1, 4, 1, 3), [0]), ((1, 7), [1])])


def test_an_axis_that_is_not_there_is_refused() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    with pytest.raises(ModelError, match="has axis 2; -2 to 1 are possible"):
        compile_tflite(builder.build((source,), (make(builder, source, [2]),)), name="net")
