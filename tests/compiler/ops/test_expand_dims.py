# SPDX-License-Identifier: Apache-2.0
"""EXPAND_DIMS: TFLite's reference kernel = NumPy reference = C."""

from generated_c import check_operators
from tflite_builder import Builder

CASES = [((1, 5, 3), 1), ((1, 5, 3), 2), ((1, 5, 3), -1), ((1, 6), 1), ((1, 6), 2)]


def make(builder: Builder, source: int, axis: int) -> int:
    shape = list(builder.tensors[source].shape)
    shape.insert(axis if axis >= 0 else len(shape), 1)
    return builder.move("EXPAND_DIMS", (source, builder.integers(axis)), tuple(shape))


def test_equal_to_the_oracle() -> None:
    check_operators(make, CASES)
