# SPDX-License-Identifier: Apache-2.0
"""STRIDED_SLICE: TFLite's reference kernel = NumPy reference = C, over ranges and masks."""

import pytest
from generated_c import check_operators
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

MASKS = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
# Shape, begin, end, strides, masks as bits in the order above, the output's shape.
CASES = [
    ((1, 4, 5, 6), (0, 0, 0, 0), (1, 4, 5, 6), (1, 2, 2, 2), (0, 0, 0, 0, 0), (1, 2, 3, 3)),
    ((1, 4, 5, 6), (0, 1, -4, 2), (1, 3, -1, 100), (1, 1, 2, 3), (0, 0, 0, 0, 0), (1, 2, 2, 2)),
    ((1, 4, 5, 6), (0, 3, 4, -1), (1, 0, 1, -5), (1, -1, -2, -1), (0, 0, 0, 0, 0), (1, 3, 2, 4)),
    ((1, 4, 5, 6), (0, 9, 9, 9), (1, 9, 9, 9), (1, -1, -2, -3), (14, 14, 0, 0, 0), (1, 4, 3, 2)),
    ((1, 4, 5, 6), (0, 0, 0, 2), (1, 4, 5, 3), (1, 1, 1, 1), (0, 0, 0, 0, 8), (1, 4, 5)),
    ((1, 4, 5, 6), (0, 2, 0, 0), (1, 3, 5, 6), (1, 1, 1, 1), (0, 0, 0, 0, 2), (1, 5, 6)),
    ((1, 4, 5, 6), (0, 0, -1, 0), (1, 4, 0, 6), (1, 1, 1, 2), (0, 0, 0, 0, 4), (1, 4, 3)),
    ((1, 4, 5, 6), (0, 1), (1, 3), (1, 1), (0, 0, 0, 0, 0), (1, 2, 5, 6)),
    ((1, 4, 5, 6), (0, 0, 1), (1, 0, 4), (1, 1, 2), (0, 0, 2, 0, 0), (1, 4, 5, 2)),
    ((1, 5, 6), (0, 0, 0, 1), (1, 0, 5, 5), (1, 1, 2, 1), (0, 0, 0, 2, 0), (1, 1, 3, 4)),
    ((1, 9), (0, 1), (1, 8), (1, 3), (0, 0, 0, 0, 0), (1, 3)),
]


def make(builder: Builder, source: int, *case: tuple[int, ...]) -> int:
    *ranges, masks, shape = case
    inputs = (source, *(builder.integers(one) for one in ranges))
    options = {f"{name}_mask": mask for name, mask in zip(MASKS, masks, strict=True)}
    return builder.move("STRIDED_SLICE", inputs, shape, **options)


def test_equal_to_the_oracle() -> None:
    check_operators(make, CASES)


@pytest.mark.parametrize(
    ("begin", "end", "stride", "shrink", "message"),
    [
        (0, 4, 0, 0, "stride of 0"),
        (3, 3, 1, 0, "takes nothing"),
        (4, 5, 1, 2, "element 4 of 4"),
        (0, 4, None, 0, "2 of integers needed"),
    ],
)
def test_refusals(begin: int, end: int, stride: int | None, shrink: int, message: str) -> None:
    builder = Builder()
    source = builder.input((1, 4, 5, 3))
    strides = (1,) if stride is None else (1, stride)
    case = ((0, begin), (1, end), strides, (0, 0, 0, 0, shrink), (1, 4, 5, 3))
    with pytest.raises(ModelError, match=message):
        compile_tflite(builder.build((source,), (make(builder, source, *case),)), name="net")


def test_ends_that_count_from_begins_are_refused() -> None:
    builder = Builder()
    source = builder.input((1, 4, 5, 3))
    ranges = tuple(builder.integers(one) for one in ((0, 1), (1, 2), (1, 1)))
    made = builder.move("STRIDED_SLICE", (source, *ranges), (1, 2, 5, 3), offset=True)
    with pytest.raises(ModelError, match="has ends that count from its begins"):
        compile_tflite(builder.build((source,), (made,)), name="net")
