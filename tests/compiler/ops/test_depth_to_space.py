# SPDX-License-Identifier: Apache-2.0
"""DEPTH_TO_SPACE: TFLite's reference kernel = NumPy reference = C, over blocks."""

import pytest
from generated_c import check, check_operators
from tflite_builder import VALID, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

CASES = [((1, 2, 3, 12), 2), ((1, 2, 1, 18), 3), ((1, 1, 1, 4), 2), ((1, 3, 2, 5), 1)]


def make(builder: Builder, source: int, block: int) -> int:
    _, height, width, depth = builder.tensors[source].shape
    return builder.move(
        "DEPTH_TO_SPACE", (source,), (1, height * block, width * block, depth // block**2), block_size=block
    )


def test_equal_to_the_oracle() -> None:
    check_operators(make, CASES)


def test_what_is_cut_off_behind_it() -> None:
    builder = Builder()
    source = builder.input((1, 4, 5, 8))
    check([builder.build((source,), (builder.pool(make(builder, source, 2), "MAX", (3, 3), (3, 3), VALID),))])


def test_refusals() -> None:
    builder = Builder()
    source = builder.input((1, 4, 6, 12))
    made = make(builder, source, 2)
    builder.operators[-1][3]["block_size"] = 3
    with pytest.raises(ModelError, match="which blocks of 3x3 don't join"):
        compile_tflite(builder.build((source,), (made,)), name="net")
