# SPDX-License-Identifier: Apache-2.0
"""GATHER by constant indices: TFLite's reference kernel = NumPy reference = C, over every axis."""

import numpy as np
import pytest
from generated_c import check, check_operators
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

# The shape, the axis, and the indices.
CASES = [
    ((1, 4, 5, 6), 3, [0, 2, 4, 1, 3, 5]),
    ((1, 4, 5, 6), -1, [5, 5, 0]),
    ((1, 4, 5, 6), 3, [0, 1, 2, 3, 4, 5, 2, 4, 5]),
    ((1, 4, 5, 6), 2, [4, 0, 0, 3, 1, 2]),
    ((1, 4, 5, 6), 1, [3, 1, 2]),
    ((1, 4, 5, 1), 3, [0, 0, 0]),
    ((1, 7), 1, [6]),
    ((1, 3, 4), 1, [2, 0]),
    ((1, 3, 4), 2, [3, 1, 1]),
    ((3, 4), 0, [2, 2, 1]),
    ((1, 6, 4), 2, [[0, 1], [3, 2]]),
    ((1, 6, 5, 4), 3, 2),
]


def make(builder: Builder, source: int, axis: int, indices: object) -> int:
    shape = builder.tensors[source].shape
    at = axis % len(shape)
    made = (*shape[:at], *np.shape(indices), *shape[at + 1 :])
    return builder.move("GATHER", (source, builder.integers(indices)), made, axis=axis)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_equal_to_the_oracle(dtype: str) -> None:
    check_operators(make, CASES, dtype)


def test_rows_that_nothing_reads_are_not_computed() -> None:
    builder = Builder()
    source = builder.input((1, 12, 8, 2))
    taken = make(builder, builder.conv(source, 2), 1, [2, 0, 1])
    assert check([builder.build((source,), (taken,))])[0].plan["steps"][1]["shape"] == [3, 6, 2]


def test_indices_of_shapes_are_known_when_compiling() -> None:
    builder = Builder()
    source = builder.input((1, 4, 3, 2))
    shape = builder.operator("SHAPE", (source,), builder.tensor((4,), "int32"), out_type=2)
    inputs = (shape, builder.integers([0, 2, 1, 3]))
    turned = builder.operator("GATHER", inputs, builder.tensor((4,), "int32"), axis=0)
    made = builder.operator("RESHAPE", (source, turned), builder.like(source, (1, 3, 4, 2)))
    check([builder.build((source,), (builder.conv(made, 2),))])


@pytest.mark.parametrize(
    ("axis", "indices", "message"),
    [
        (3, [0, 6], "takes .0, 6. of 6; 0 to 5 are there"),
        (3, [-1], "0 to 5 are there"),
        (0, [0], "along axis 0; rows, columns or channels"),
        (4, [0], "has axis 4; -4 to 3 are possible"),
    ],
)
def test_refusals(axis: int, indices: list[int], message: str) -> None:
    builder = Builder()
    source = builder.input((1, 4, 5, 6))
    made = make(builder, source, axis, indices)
    with pytest.raises(ModelError, match=message):
        compile_tflite(builder.build((source,), (made,)), name="net")


def test_indices_that_are_computed_are_refused() -> None:
    builder = Builder()
    source, indices = builder.input((1, 4, 5, 6)), builder.tensor((2,), "int32")
    made = builder.move("GATHER", (source, indices), (1, 4, 5, 2), axis=3)
    with pytest.raises(ModelError, match=r"needs input 1 .* as a constant"):
        compile_tflite(builder.build((source, indices), (made,)), name="net")
