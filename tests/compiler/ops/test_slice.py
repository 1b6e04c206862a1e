# SPDX-License-Identifier: Apache-2.0
"""SLICE: TFLite's reference kernel = NumPy reference = C, over every axis."""

import pytest
from generated_c import check, check_operators
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

# Shape, first element and how many along each axis.
CASES = [
    ((1, 4, 5, 3), (0, 0, 0, 0), (1, 4, 5, 3)),
    ((1, 4, 5, 3), (0, 1, 0, 0), (1, 2, 5, 3)),
    ((1, 4, 5, 3), (0, 3, 2, 0), (1, 1, 2, 3)),
    ((1, 4, 5, 3), (0, 0, 1, 1), (1, 4, 3, 2)),
    ((1, 4, 5, 3), (0, 2, 4, 2), (1, 2, 1, 1)),
    ((1, 4, 5, 3), (0, 1, 1, 1), (-1, -1, -1, -1)),
    ((1, 7), (0, 2), (1, 4)),
    ((1, 3, 4), (0, 1, 1), (1, 2, 2)),
]


def make(builder: Builder, source: int, begin: tuple[int, ...], size: tuple[int, ...]) -> int:
    whole = builder.tensors[source].shape
    shape = tuple(n - b if s == -1 else s for n, b, s in zip(whole, begin, size, strict=True))
    return builder.move("SLICE", (source, builder.integers(begin), builder.integers(size)), shape)


def test_equal_to_the_oracle() -> None:
    check_operators(make, CASES)


def test_rows_that_are_dropped_are_not_computed() -> None:
    builder = Builder()
    source = builder.input((1, 12, 8, 2))
    taken = make(builder, builder.conv(source, 2), (0, 1, 0, 0), (1, 3, 4, 2))
    compiled = check([builder.build((source,), (taken,))])[0]
    convolution = compiled.plan["steps"][1]
    assert convolution["shape"] == [4, 4, 2]


@pytest.mark.parametrize(
    ("begin", "size"), [((0, 3, 0, 0), (1, 2, 5, 3)), ((0, -1, 0, 0), (1, 2, 5, 3)), ((0, 0), (1, 4))]
)
def test_refusals(begin: tuple[int, ...], size: tuple[int, ...]) -> None:
    builder = Builder()
    source = builder.input((1, 4, 5, 3))
    inputs = (source, builder.integers(begin), builder.integers(size))
    made = builder.move("SLICE", inputs, (1, 2, 5, 3))
    with pytest.raises(ModelError, match=r"makes no|4 of integers needed"):
        compile_tflite(builder.build((source,), (made,)), name="net")
