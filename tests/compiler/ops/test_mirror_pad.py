# SPDX-License-Identifier: Apache-2.0
"""MIRROR_PAD: TFLite's reference kernel = NumPy reference = C, both modes, over every axis."""

import pytest
from generated_c import check_operators
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

# Shape, mode (reflect, symmetric), and paddings.
CASES = [
    ((1, 4, 5, 3), 0, ((0, 0), (1, 2), (2, 0), (0, 0))),
    ((1, 4, 5, 3), 1, ((0, 0), (4, 1), (0, 5), (0, 0))),
    ((1, 4, 5, 3), 1, ((0, 0), (0, 0), (0, 0), (2, 3))),
    ((1, 4, 5, 3), 0, ((0, 0), (0, 0), (4, 4), (1, 0))),
    ((1, 4, 5, 3), 0, ((0, 0), (0, 0), (0, 0), (0, 0))),
    ((1, 6, 2), 0, ((0, 0), (3, 5), (0, 1))),
]


def make(builder: Builder, source: int, mode: int, paddings: tuple[tuple[int, int], ...]) -> int:
    whole = builder.tensors[source].shape
    shape = tuple(length + sum(pair) for length, pair in zip(whole, paddings, strict=True))
    return builder.move("MIRROR_PAD", (source, builder.integers(paddings)), shape, mode=mode)


def test_equal_to_the_oracle() -> None:
    check_operators(make, CASES)


def test_more_than_there_is_can_not_be_mirrored() -> None:
    builder = Builder()
    source = builder.input((1, 4, 5, 3))
    made = make(builder, source, 0, ((0, 0), (4, 0), (0, 0), (0, 0)))
    with pytest.raises(ModelError, match=r"at most \[0, 3, 4, 2\] can be mirrored"):
        compile_tflite(builder.build((source,), (made,)), name="net")
