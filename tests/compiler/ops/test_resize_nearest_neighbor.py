# SPDX-License-Identifier: Apache-2.0
"""RESIZE_NEAREST_NEIGHBOR: TFLite's reference kernel = NumPy reference = C, over awkward sizes, all rules."""

import pytest
from generated_c import check, check_operators
from tflite_builder import VALID, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

# Shape, the size it is brought to, the rule.
CASES = [
    ((1, height, width, channels), size, rule)
    for height, width, channels in ((1, 1, 1), (3, 5, 2), (7, 2, 3))
    for size in ((6, 10), (7, 4), (2, 1), (41, 12))
    for rule in (None, "align_corners", "half_pixel_centers")
]


def make(builder: Builder, source: int, size: tuple[int, int], rule: str | None) -> int:
    return builder.resize(source, size, "NEAREST_NEIGHBOR", rule)


@pytest.mark.parametrize("part", range(3))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::3])


def test_the_scale_is_the_files_where_rows_are_cut_off() -> None:
    models = []
    for rule in (None, "align_corners", "half_pixel_centers"):
        builder = Builder()
        source = builder.input((1, 5, 6, 2))
        large = builder.resize(source, (11, 9), "NEAREST_NEIGHBOR", rule)
        models.append(builder.build((source,), (builder.pool(large, "MAX", (4, 4), (4, 4), VALID),)))
    check(models)


def test_refusals() -> None:
    builder = Builder()
    source = builder.input((1, 3, 3, 1))
    made = builder.resize(source, (6, 6), "NEAREST_NEIGHBOR")
    builder.tensors[made].shape = (1, 6, 5, 1)
    with pytest.raises(ModelError, match=r"output shape \(1, 6, 5, 1\); \(1, 6, 6, 1\) follows"):
        compile_tflite(builder.build((source,), (made,)), name="net")
