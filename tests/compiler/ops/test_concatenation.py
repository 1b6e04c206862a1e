# SPDX-License-Identifier: Apache-2.0
"""CONCATENATION: TFLite's reference kernel = NumPy reference = C, over awkward shapes and every axis."""

import pytest
from generated_c import check, check_operators
from tflite_builder import SAME, VALID, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

# Shape, axis, how many branches; then the input twice.
CASES = [
    (shape, axis, count)
    for shape in ((1, 1, 1, 1), (1, 5, 3, 2), (1, 2, 7, 5))
    for axis in (1, 2, 3, -1)
    for count in (1, 2, 4)
]


def make(builder: Builder, source: int, axis: int, count: int) -> int:
    """The input beside branches that are longer along the axis."""
    parts = [source]
    for number in range(1, count):
        channels = builder.tensors[source].shape[3] + (number if axis in (3, -1) else 0)
        part = builder.conv(source, channels, padding=SAME)
        if axis in (1, 2):
            part = builder.pad(part, *((number, 0, 0, 0) if axis == 1 else (0, 0, number, 0)))
        parts.append(builder.rescaled(part, source))
    return builder.concat(tuple(parts), axis)


@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::4])


def test_vectors_and_one_tensor_twice() -> None:
    builder = Builder()
    source = builder.input((1, 6))
    both = builder.concat((source, builder.rescaled(builder.fully_connected(source, 3), source)), 1)
    vectors = builder.build((source,), (builder.concat((both, both, source), 1),))
    builder = Builder()
    source = builder.input((1, 3, 4, 2))
    check([vectors, builder.build((source,), (builder.concat((source, source), 3),))])


def test_what_is_read_of_it_is_what_is_joined() -> None:
    models = []
    for axis in (1, 2, 3):
        builder = Builder()
        source = builder.input((1, 5, 5, 2))
        joined = builder.concat(
            (source, builder.rescaled(builder.conv(source, 2, padding=SAME), source)), axis
        )
        models.append(builder.build((source,), (builder.pool(joined, "MAX", (3, 3), (3, 3), VALID),)))
    check(models)


def test_refusals() -> None:
    for axis, second, scale, message in (
        (3, (1, 5, 4, 2), 0.5, "other scale or zero point"),
        (3, (1, 4, 4, 2), 0.25, "equal but there"),
        (0, (1, 5, 4, 2), 0.25, "batch 2; only batch 1"),
        (4, (1, 5, 4, 2), 0.25, "axis 4; -4 to 3 are possible"),
    ):
        builder = Builder()
        sources = builder.input((1, 5, 4, 2), 0.25, 3), builder.input(second, scale, 3)
        joined = builder.concat(sources, min(axis, 3))
        builder.operators[-1][3]["axis"] = axis
        with pytest.raises(ModelError, match=message):
            compile_tflite(builder.build(sources, (joined,)), name="net")
