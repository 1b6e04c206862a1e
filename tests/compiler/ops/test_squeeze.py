# SPDX-License-Identifier: Apache-2.0
"""SQUEEZE: TFLite's reference kernel = NumPy reference = C."""

from generated_c import check_operators
from tflite_builder import Builder

CASES = [((1, 1, 5, 3), (1, 5, 3)), ((1, 4, 1, 3), (1, 4, 3)), ((1, 1, 1, 6), (1, 6))]


def make(builder: Builder, source: int, shape: tuple[int, ...]) -> int:
    axes = [axis for axis, size in enumerate(builder.tensors[source].shape) if axis and size == 1]
    return builder.move("SQUEEZE", (source,), shape, squeeze_dims=axes)


def test_equal_to_the_oracle() -> None:
    check_operators(make, CASES)
