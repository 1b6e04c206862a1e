# SPDX-License-Identifier: Apache-2.0
"""PAD: TFLite's reference kernel = NumPy reference = C, over awkward shapes."""

import pytest
from generated_c import check, check_operators
from tflite_builder import VALID, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

# Shape, then rows above and below, columns left and right.
CASES = [
    ((1, 3, 4, 2), *amounts)
    for amounts in (
        (0, 0, 0, 0),
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 1, 0),
        (0, 0, 0, 1),
        (1, 1, 1, 1),
        (0, 1, 0, 1),
        (3, 2, 1, 0),
        (2, 5, 0, 7),
        (4, 4, 4, 4),
    )
] + [((1, 1, 1, channels), 1, 2, 3, 4) for channels in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)]


def make(builder: Builder, source: int, *amounts: int) -> int:
    return builder.pad(source, *amounts)


@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::4])


def test_every_axis() -> None:
    models = []
    for number, paddings in enumerate(
        (
            ((0, 0), (0, 0), (0, 0), (1, 2)),
            ((0, 0), (1, 0), (0, 2), (0, 3)),
            ((0, 0), (0, 2), (1, 1), (2, 0)),
        )
    ):
        builder = Builder(number)
        source = builder.input((1, 3, 4, 2))
        padded = builder.pad_axes(source, paddings)
        pooled = builder.pool(padded, "MAX", (2, 2), (2, 2), VALID)
        models += [builder.build((source,), (end,)) for end in (padded, pooled)]
    builder = Builder()
    source = builder.input((1, 7))
    models.append(builder.build((source,), (builder.pad_axes(source, ((0, 0), (2, 3))),)))
    check(models)


def test_refusals() -> None:
    for paddings, message in (
        (((1, 0), (0, 0), (0, 0), (0, 0)), "none for the batch"),
        (((0, 0), (0, 0), (0, 0)), "two numbers from 0 on for each dimension"),
        (((0, 0), (0, 0), (-1, 1), (0, 0)), "two numbers from 0 on"),
        (0, "two numbers from 0 on"),
    ):
        builder = Builder()
        source = builder.input((1, 3, 4, 2))
        made = builder.operator(
            "PAD", (source, builder.integers(paddings)), builder.like(source, (1, 3, 4, 2))
        )
        with pytest.raises(ModelError, match=message):
            compile_tflite(builder.build((source,), (made,)), name="net")
