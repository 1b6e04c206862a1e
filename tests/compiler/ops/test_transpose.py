# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSE: TFLite's reference kernel = NumPy reference = C, over every order."""

from itertools import permutations

import pytest
from generated_c import check, check_operators
from tflite_builder import VALID, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

CASES = [((1, 3, 4, 5), (0, *order)) for order in permutations((1, 2, 3))] + [
    ((1, 1, 1, 2), (0, 3, 1, 2)),
    ((1, 4, 3), (0, 2, 1)),
    ((1, 6), (0, 1)),
]


def make(builder: Builder, source: int, order: tuple[int, ...]) -> int:
    shape = tuple(builder.tensors[source].shape[axis] for axis in order)
    return builder.move("TRANSPOSE", (source, builder.integers(order)), shape)


def test_equal_to_the_oracle() -> None:
    check_operators(make, CASES)


def test_what_is_cut_off_behind_it() -> None:
    models = []
    for order in permutations((1, 2, 3)):
        builder = Builder()
        source = builder.input((1, 5, 5, 5))
        turned = make(builder, source, (0, *order))
        models.append(builder.build((source,), (builder.pool(turned, "MAX", (3, 3), (3, 3), VALID),)))
    check(models)


def test_refusals() -> None:
    for order in ((1, 0, 2, 3), (0, 1, 1, 3), (0, 1, 2)):
        builder = Builder()
        source = builder.input((1, 3, 4, 5))
        made = make(builder, source, order)
        with pytest.raises(ModelError, match=r"batch stays first|4 of integers|has batch 3"):
            compile_tflite(builder.build((source,), (made,)), name="net")
