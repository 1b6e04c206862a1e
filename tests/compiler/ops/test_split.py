# SPDX-License-Identifier: Apache-2.0
"""SPLIT: TFLite's reference kernel = NumPy reference = C, over every axis; parts that are read or not."""

import pytest
from generated_c import check
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

CASES = [
    (shape, axis, parts)
    for shape, axis, parts in (
        ((1, 4, 6, 8), 1, 2),
        ((1, 4, 6, 8), 2, 3),
        ((1, 4, 6, 8), 3, 4),
        ((1, 4, 6, 8), 3, 1),
        ((1, 9), 1, 3),
    )
]


@pytest.mark.parametrize(("shape", "axis", "parts"), CASES)
def test_equal_to_the_oracle(shape: tuple[int, ...], axis: int, parts: int) -> None:
    models = []
    for joined in (False, True):
        builder = Builder()
        source = builder.input(shape)
        made = builder.split(source, (shape[axis] // parts,) * parts, axis)
        ends = (builder.concat(made[::-1], axis),) if joined else made
        models.append(builder.build((source,), ends))
    check(models)


def test_a_part_that_nobody_reads_costs_nothing() -> None:
    builder = Builder()
    source = builder.input((1, 4, 6, 8))
    made = builder.split(source, (4, 4), 3)
    compiled = check([builder.build((source,), (builder.conv(made[1], 3),))])[0]
    assert [step["op"] for step in compiled.plan["steps"]] == ["INPUT", "SLICE", "CONV_2D"]


def test_refusals() -> None:
    builder = Builder()
    source = builder.input((1, 4, 6, 8))
    made = builder.split(source, (4, 3), 3)
    with pytest.raises(ModelError, match=r"makes 7 along axis -1 of \(1, 4, 6, 8\); 8 needed"):
        compile_tflite(builder.build((source,), made), name="net")
