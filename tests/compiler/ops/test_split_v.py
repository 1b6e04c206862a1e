# SPDX-License-Identifier: Apache-2.0
"""SPLIT_V: TFLite's reference kernel = NumPy reference = C, over every axis."""

import pytest
from generated_c import check
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


@pytest.mark.parametrize(("sizes", "axis"), [((1, 3), 1), ((2, 3, 1), 2), ((5, 1, 2), 3), ((8,), 3)])
def test_equal_to_the_oracle(sizes: tuple[int, ...], axis: int) -> None:
    builder = Builder()
    source = builder.input((1, 4, 6, 8))
    made = builder.split(source, sizes, axis, equal=False)
    check([builder.build((source,), made)])


def test_refusals() -> None:
    builder = Builder()
    source = builder.input((1, 4, 6, 8))
    made = builder.split(source, (4, 3), 3, equal=False)
    with pytest.raises(ModelError, match="makes 7 along axis -1"):
        compile_tflite(builder.build((source,), made), name="net")
