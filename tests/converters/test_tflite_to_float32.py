# SPDX-License-Identifier: Apache-2.0
"""Weights that a float .tflite stores in fewer bits become the floats that they stand for."""

from pathlib import Path

import numpy as np
import pytest
from tflite_builder import Builder

from edgecnn.compiler.reading.tflite import parse
from edgecnn.converters.tflite_to_float32 import tflite_to_float32
from edgecnn.runtime.tflite import TfliteModel

ASSETS = Path(__file__).parents[1] / "assets"
CONVOLUTION = {"padding": 1, "stride_h": 1, "stride_w": 1, "dilation_h_factor": 1, "dilation_w_factor": 1}


def network(dtype: str, converted: bool) -> tuple[bytes, np.ndarray]:
    """Return a float convolution whose weights are stored so, and what they stand for."""
    builder = Builder()
    source, weights = builder.tensor((1, 6, 6, 1), "float32"), builder.rng.normal(size=(4, 3, 3, 1))
    scales, points = (0.5, 0.25, 0.125, 1.0), (0, 0, 0, 0)
    if dtype == "uint8":
        scales, points = (0.5,), (120,)
    stored = np.clip(np.round(weights * 20), -100, 100) + points[0]
    if dtype == "float16":
        filter_ = builder.tensor(weights.shape, dtype, data=weights.astype(np.float16))
        stands = weights.astype(np.float16).astype(np.float32)
    else:
        filter_ = builder.tensor(weights.shape, dtype, scales, points, data=stored.astype(dtype))
        stands = ((stored - points[0]) * np.array(scales).reshape(-1, 1, 1, 1)).astype(np.float32)
    if converted:
        made = builder.tensor(weights.shape, "float32")
        filter_ = builder.operator("DEQUANTIZE", (filter_,), made)
    bias = builder.tensor((4,), "float32", data=np.arange(4, dtype=np.float32))
    output = builder.tensor((1, 4, 4, 4), "float32")
    builder.operator("CONV_2D", (source, filter_, bias), output, fused_activation_function=0, **CONVOLUTION)
    return builder.build((source,), (output,)), stands


@pytest.mark.parametrize("dtype", ["float16", "int8", "uint8"])
@pytest.mark.parametrize("converted", [True, False])
def test_weights_are_the_floats_that_are_meant(dtype: str, converted: bool) -> None:
    model, stands = network(dtype, converted)
    graph = parse(tflite_to_float32(model))
    [operator] = graph.operators
    assert (operator.op, operator.index, operator.stored.version) == ("CONV_2D", 0, 1)
    np.testing.assert_array_equal(graph.input(operator, 1).data, stands)
    assert graph.input(operator, 1).quantization is None


def test_answers_are_those_of_the_file() -> None:
    model, _ = network("float16", converted=True)
    image = np.random.default_rng(0).random((1, 6, 6, 1), np.float32)
    wanted, given = (TfliteModel(one).invoke(image) for one in (model, tflite_to_float32(model)))
    np.testing.assert_allclose(given, wanted, rtol=1e-6)


def test_a_file_of_float32_stays_as_it_is() -> None:
    model = (ASSETS / "tiny_float32.tflite").read_bytes()
    assert tflite_to_float32(model) is model
