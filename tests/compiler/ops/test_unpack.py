# SPDX-License-Identifier: Apache-2.0
"""UNPACK: TFLite's reference kernel = NumPy reference = C, over every axis."""

import pytest
from generated_c import check
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


def unpacked(builder: Builder, source: int, axis: int) -> tuple[int, ...]:
    shape = builder.tensors[source].shape
    made = tuple(builder.like(source, (*shape[:axis], *shape[axis + 1 :])) for _ in range(shape[axis]))
    builder.operators.append(("UNPACK", (source,), made, {"axis": axis, "num": shape[axis]}))
    return made


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_equal_to_the_oracle(axis: int) -> None:
    builder = Builder()
    source = builder.input((1, 3, 4, 2))
    check([builder.build((source,), unpacked(builder, source, axis))])


def test_refusals() -> None:
    builder = Builder()
    source = builder.input((1, 3, 4, 2))
    made = unpacked(builder, source, 3)
    builder.operators[-1][3]["axis"] = 7
    with pytest.raises(ModelError, match="axis 7; -4 to 3 are possible"):
        compile_tflite(builder.build((source,), made), name="net")
