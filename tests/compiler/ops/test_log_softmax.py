# SPDX-License-Identifier: Apache-2.0
"""LOG_SOFTMAX: TFLite's reference kernel = NumPy reference = C, over many scales and numbers of classes."""

import numpy as np
import pytest
from generated_c import check, check_numpy, random_inputs
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite, quant
from edgecnn.errors import ModelError


def model(scale: float, shape: tuple[int, ...], made: float = 1 / 16) -> bytes:
    builder = Builder()
    source = builder.input(shape, scale, -3)
    output = builder.operator("LOG_SOFTMAX", (source,), builder.activation(shape, made, 127))
    return builder.build((source,), (output,))


SCALES = (1e-5, 1e-3, 0.02, 0.05, 0.0625, 0.11, 0.3, 1.7)


@pytest.mark.parametrize("scale", SCALES)
def test_equal_to_the_oracle(scale: float) -> None:
    for classes in (1, 2, 3, 10, 100, 1001):
        data = model(scale, (1, 16, 3, classes))
        check_numpy(data, random_inputs(data, 3))


def test_differences_of_two() -> None:
    """All that two classes can be apart."""
    for scale in SCALES:
        pairs = np.stack([np.arange(-128, 128), np.full(256, 127)], axis=-1)
        check_numpy(model(scale, (1, 256, 1, 2)), [[pairs.astype(np.int8).reshape(1, 256, 1, 2)]])


def test_the_c_agrees() -> None:
    check(
        [model(scale, (1, 4, 3, classes)) for scale, classes in ((1e-5, 3), (0.05, 10), (0.3, 100), (1.7, 2))]
    )


def test_the_logarithm_is_one() -> None:
    values = np.array([1, 1.5, 2, 10, 999.25, 4000])
    made = quant.log_of_sum((values * (1 << 19)).astype(np.int64)) / (1 << 26)
    np.testing.assert_allclose(made, np.log(values), atol=1e-5)


def test_another_scale_is_refused() -> None:
    with pytest.raises(ModelError, match=r"output scale 0.5 and zero point 127; TFLite fixes them to 1/16"):
        compile_tflite(model(0.05, (1, 4), 0.5), name="net")
