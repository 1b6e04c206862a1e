# SPDX-License-Identifier: Apache-2.0
"""ARG_MAX: TFLite's reference kernel = NumPy reference = C, where models end."""

import pytest
from generated_c import check, check_operators
from tflite_builder import SAME, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

CASES = [
    (shape, dtype)
    for shape in ((1, 10), (1, 5, 7, 3), (1, 1, 1, 1), (1, 9, 4), (6, 5), (1, 3, 3, 200))
    for dtype in ("int32", "int64")
]


OTHER_AXES = [
    *(((1, 5, 7, 3), "int32", axis) for axis in (1, 2, -3, -2)),
    ((1, 9, 4), "int64", 1),
    ((1, 1, 6, 1), "int32", 2),
    ((7,), "int32", 0),
]


def make(builder: Builder, source: int, dtype: str, axis: int = -1) -> int:
    return builder.arg_max(source, dtype, axis)


@pytest.mark.parametrize("part", range(2))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::2])


def test_over_other_axes() -> None:
    check_operators(make, OTHER_AXES)


def test_beside_another_output_and_behind_a_convolution() -> None:
    builder = Builder()
    source = builder.input((1, 8, 7, 2))
    scores = builder.conv(source, 3, padding=SAME)
    (compiled,) = check([builder.build((source,), (scores, builder.arg_max(scores, "int64")))])
    assert "int64_t *output1" in compiled.header
    assert "OUTPUT1_SCALE" not in compiled.header


def refusal(axis: int, dtype: str) -> str:
    builder = Builder()
    source = builder.input((1, 5, 4, 3))
    made = builder.arg_max(source, dtype, axis)
    with pytest.raises(ModelError) as error:
        compile_tflite(builder.build((source,), (made,)), name="net")
    return str(error.value)


def test_the_batch_and_other_types_are_refused() -> None:
    assert "has batch 5; only batch 1 is supported" in refusal(0, "int32")
    assert "makes float32; int32 or int64 needed" in refusal(-1, "float32")
