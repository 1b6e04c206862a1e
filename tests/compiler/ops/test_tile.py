# SPDX-License-Identifier: Apache-2.0
"""TILE: TFLite's reference kernel = NumPy reference = C, over every axis, and of constants."""

import pytest
from generated_c import check, check_operators
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

CASES = [
    ((1, 4, 5, 3), (1, 2, 1, 1)),
    ((1, 4, 5, 3), (1, 1, 3, 2)),
    ((1, 1, 1, 3), (1, 4, 5, 1)),
    ((1, 4, 5, 3), (1, 1, 1, 1)),
    ((1, 7), (1, 3)),
]


def make(builder: Builder, source: int, times: tuple[int, ...]) -> int:
    shape = tuple(n * count for n, count in zip(builder.tensors[source].shape, times, strict=True))
    made = builder.like(source, shape)
    return builder.operator("TILE", (source, builder.integers(times)), made)


def test_equal_to_the_oracle() -> None:
    check_operators(make, CASES)


def test_of_a_constant() -> None:
    builder = Builder()
    source = builder.input((1, 4, 6, 3))
    tiled = make(builder, builder.constant((1, 2, 3, 1)), (1, 2, 2, 3))
    check([builder.build((source,), (builder.binary("ADD", source, tiled),))])


def test_refusals() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    made = builder.operator("TILE", (source, builder.integers((1, 0))), builder.like(source, (1, 0)))
    with pytest.raises(ModelError, match=r"repeats \(1, 4\) \[1, 0\] times"):
        compile_tflite(builder.build((source,), (made,)), name="net")
