# SPDX-License-Identifier: Apache-2.0
"""SUM: TFLite's optimized kernel (the reference one wraps around) = NumPy reference = C, over any axes."""

import numpy as np
import pytest
from generated_c import check_reductions
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


@pytest.mark.parametrize("part", range(3))
def test_equal_to_the_oracle(part: int) -> None:
    check_reductions("SUM", part, optimized=True)


def refusal(shape: tuple[int, ...], axes: tuple[int, ...], made: tuple[int, ...]) -> str:
    builder = Builder()
    source = builder.input(shape)
    total = builder.reduce("SUM", source, (1,))
    builder.tensors[total].shape = made
    positions = builder.tensors[builder.operators[-1][1][1]]
    positions.shape, positions.data = (len(axes),), np.array(axes, np.int32)
    with pytest.raises(ModelError) as error:
        compile_tflite(builder.build((source,), (total,)), name="net")
    return str(error.value)


def test_what_makes_no_sense_is_refused() -> None:
    assert "axis 4; -4 to 3 are possible" in refusal((1, 5, 4, 3), (4,), (1, 1, 4, 3))
    assert "(1, 5, 1, 3) follows from its inputs" in refusal((1, 5, 4, 3), (2,), (1, 1, 4, 3))
    wide = refusal((1, 4096, 4096, 1), (1, 2), (1, 1, 1, 1))
    assert "reduces 16777216 values to one; less than 8388608 needed" in wide
