# SPDX-License-Identifier: Apache-2.0
"""PACK: TFLite's reference kernel = NumPy reference = C, along every axis."""

import pytest
from generated_c import check
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_equal_to_the_oracle(axis: int) -> None:
    builder = Builder()
    source = builder.input((1, 4, 3))
    other = builder.unary("RELU", source)
    builder.tensors[other].scales = builder.tensors[source].scales
    builder.tensors[other].zero_points = builder.tensors[source].zero_points
    shape = [1, 4, 3]
    shape.insert(axis, 3)
    made = builder.move("PACK", (source, other, source), tuple(shape), axis=axis, values_count=3)
    check([builder.build((source,), (made,))])


def test_refusals() -> None:
    builder = Builder()
    sources = builder.input((1, 4, 3)), builder.input((1, 4, 2))
    made = builder.move("PACK", sources, (1, 2, 4, 3), axis=1, values_count=2)
    with pytest.raises(ModelError, match="several shapes; equal ones needed"):
        compile_tflite(builder.build(sources, (made,)), name="net")
