# SPDX-License-Identifier: Apache-2.0
"""RESIZE_*: TFLite's reference kernel = NumPy reference = C, over awkward sizes and all rules."""

from functools import partial

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
EITHER = pytest.mark.parametrize("kind", ["BILINEAR", "NEAREST_NEIGHBOR"])


def make(kind: str, builder: Builder, source: int, size: tuple[int, int], rule: str | None) -> int:
    return builder.resize(source, size, kind, rule)


@EITHER
@pytest.mark.parametrize("part", range(3))
def test_equal_to_the_oracle(kind: str, part: int) -> None:
    check_operators(partial(make, kind), CASES[part::3])


@EITHER
def test_the_scale_is_the_files_where_rows_are_cut_off(kind: str) -> None:
    models = []
    for rule in (None, "align_corners", "half_pixel_centers"):
        builder = Builder()
        source = builder.input((1, 5, 6, 2))
        large = builder.resize(source, (11, 9), kind, rule)
        models.append(builder.build((source,), (builder.pool(large, "MAX", (4, 4), (4, 4), VALID),)))
    check(models)


@EITHER
def test_another_shape_is_refused(kind: str) -> None:
    builder = Builder()
    source = builder.input((1, 3, 3, 1))
    made = builder.resize(source, (6, 6), kind)
    builder.tensors[made].shape = (1, 6, 5, 1)
    with pytest.raises(ModelError, match=r"output shape \(1, 6, 5, 1\); \(1, 6, 6, 1\) follows"):
        compile_tflite(builder.build((source,), (made,)), name="net")


@pytest.mark.parametrize(
    ("size", "both", "message"),
    [((2, 140), False, "enlarge in two steps"), ((6, 6), True, "one of them is possible")],
)
def test_bilinear_refusals(size: tuple[int, int], both: bool, message: str) -> None:
    builder = Builder()
    source = builder.input((1, 2, 2, 1))
    made = builder.resize(source, size, "BILINEAR")
    if both:
        builder.operators[-1][3].update(align_corners=True, half_pixel_centers=True)
    with pytest.raises(ModelError, match=message):
        compile_tflite(builder.build((source,), (made,)), name="net")
