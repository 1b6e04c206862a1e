# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX: TFLite's reference kernel = NumPy reference = C, over awkward shapes."""

import numpy as np
import pytest
from generated_c import check_operators
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

# Up to 16 values are exponentials computed, of more there is a table.
SHAPES = ((1, 1), (1, 2), (1, 3), (1, 10), (1, 16), (1, 17), (1, 100), (1, 255), (1, 1, 2, 3), (1, 4, 5, 3))
SCALES = (0.001, 0.05, 0.3, 1.7)
CASES = [
    (shape, scale, beta) for shape in SHAPES for scale, beta in zip(SCALES, (1.0, 0.5, 1.0, 2.0), strict=True)
]


def make(builder: Builder, source: int, scale: float, beta: float) -> int:
    builder.tensors[source].scales = (float(np.float32(scale)),)
    return builder.unary("SOFTMAX", source, beta=beta)


@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::4])


def test_a_scalar_has_no_classes() -> None:
    builder = Builder()
    source = builder.input(())
    model = builder.build((source,), (builder.unary("SOFTMAX", source, beta=1.0),))
    with pytest.raises(ModelError, match=r"SOFTMAX .* has shape \(\); at least one dimension"):
        compile_tflite(model, name="net")
