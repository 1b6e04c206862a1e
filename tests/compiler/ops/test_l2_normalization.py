# SPDX-License-Identifier: Apache-2.0
"""L2_NORMALIZATION: TFLite's reference kernel = NumPy reference = C, over int8 and uint8."""

import numpy as np
import pytest
from generated_c import check, check_numpy, check_operators
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite, quant
from edgecnn.errors import ModelError


def make(builder: Builder, source: int, scale: float = 1 / 128) -> int:
    made = builder.activation(builder.tensors[source].shape, scale, 0)
    return builder.operator("L2_NORMALIZATION", (source,), made, fused_activation_function=0)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_equal_to_the_oracle(dtype: str) -> None:
    check_operators(make, [((1, 64),), ((1, 3, 5, 7),), ((1, 4, 1),), ((1, 2, 2, 300),)], dtype)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_short_and_long_vectors(dtype: str) -> None:
    """Lengths from 0 on, at every scale of the root."""
    builder = Builder(dtype=dtype)
    source = builder.input((1, 32, 1, 512), 0.02, -3)
    model = builder.build((source,), (make(builder, source),))
    values = np.full((1, 32, 1, 512), -3, np.int8)
    for row in range(1, 32):
        values[0, row, 0, : 1 + row**2 // 2] += np.int8(1 + row * 2)
    check_numpy(model, [[values]])
    check([model])


def test_the_root_is_one() -> None:
    values = np.array([1, 2, 3, 100, 12345, 10**6, 2**31 - 1])
    multiplier, shift = quant.inverse_sqrt(values)
    # With 28 bits below the point, five steps of Newton's leave so much.
    np.testing.assert_allclose(multiplier * 2.0 ** (shift - 31), values**-0.5, rtol=2e-6)


def test_another_scale_is_refused() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    with pytest.raises(ModelError, match=r"output scale 0.5 and zero point 0; TFLite fixes them to 1/128"):
        compile_tflite(builder.build((source,), (make(builder, source, 0.5),)), name="net")
