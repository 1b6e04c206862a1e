# SPDX-License-Identifier: Apache-2.0
"""BROADCAST_TO: TFLite's reference kernel = NumPy reference = C, over every axis, and to more dimensions."""

import pytest
from generated_c import check_operators
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

CASES = [
    ((1, 1, 5, 3), (1, 4, 5, 3)),
    ((1, 4, 1, 3), (1, 4, 5, 3)),
    ((1, 1, 1, 3), (1, 4, 5, 3)),
    ((1, 4, 5, 1), (1, 4, 5, 3)),
    ((1, 4, 5, 3), (1, 4, 5, 3)),
    ((1, 3), (1, 4, 5, 3)),
]


def make(builder: Builder, source: int, shape: tuple[int, ...]) -> int:
    return builder.operator("BROADCAST_TO", (source, builder.integers(shape)), builder.like(source, shape))


def test_equal_to_the_oracle() -> None:
    check_operators(make, CASES)


def test_what_is_no_broadcast_is_refused() -> None:
    builder = Builder()
    source = builder.input((1, 2, 3, 3))
    with pytest.raises(ModelError, match=r"makes \(1, 4, 3, 3\) of \(1, 2, 3, 3\), which is no broadcast"):
        compile_tflite(builder.build((source,), (make(builder, source, (1, 4, 3, 3)),)), name="net")
