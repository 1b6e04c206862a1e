# SPDX-License-Identifier: Apache-2.0
"""RSQRT: TFLite's reference kernel = NumPy reference = C, for all 256 values over many scales."""

import numpy as np
import pytest
from generated_c import check, check_numpy, random_inputs
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


def model(seed: int, zero_point: int = -128) -> bytes:
    builder, rng = Builder(seed), np.random.default_rng(seed)
    source = builder.input((1, 16, 16, 1), float(np.exp(rng.uniform(-9, 1))), zero_point)
    made = builder.activation((1, 16, 16, 1), float(np.exp(rng.uniform(-5, 3))), int(rng.integers(-128, 128)))
    return builder.build((source,), (builder.operator("RSQRT", (source,), made),))


def test_equal_to_the_oracle() -> None:
    for seed in range(60):
        check_numpy(model(seed), random_inputs(model(seed), 2)[1:])
    check([model(seed) for seed in range(3)])


def test_what_may_be_below_0_is_refused() -> None:
    with pytest.raises(ModelError, match="has input zero point 5, with which values may be below 0"):
        compile_tflite(model(0, 5), name="net")
