# SPDX-License-Identifier: Apache-2.0
"""Biases in wrong units are brought to those of kernels; right ones stay as they are, to the byte."""

from pathlib import Path

import numpy as np
import tflite

from edgecnn.compiler.reading.tflite import parse
from edgecnn.converters.bias_scales import with_bias_scales

INT8 = (Path(__file__).parents[1] / "assets" / "tiny_int8.tflite").read_bytes()


def biases(model: bytes) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Return scales and values of each int32 tensor of quantized operators: views of `model`."""
    root = tflite.Model.GetRootAs(model, 0)
    found = {}
    for operator in parse(bytes(model)).operators:
        if operator.op in ("CONV_2D", "FULLY_CONNECTED") and operator.inputs[2] >= 0:
            tensor = root.Subgraphs(0).Tensors(operator.inputs[2])
            values = root.Buffers(tensor.Buffer()).DataAsNumpy().view("<i4")
            found[operator.inputs[2]] = tensor.Quantization().ScaleAsNumpy(), values
    return found


def test_right_biases_stay() -> None:
    assert biases(INT8)
    assert with_bias_scales(INT8) == INT8


def test_biases_in_other_units_come_back() -> None:
    wrong = bytearray(INT8)
    for scales, values in biases(wrong).values():
        scales[:] = scales / 4
        values[:] = values * 4
    assert bytes(wrong) != INT8
    repaired = with_bias_scales(bytes(wrong))
    for index, (scales, values) in biases(INT8).items():
        again, same = biases(repaired)[index]
        assert np.allclose(again, scales, rtol=1e-6)
        assert (same == values).all()


def test_a_bias_beyond_32_bits_saturates() -> None:
    wrong = bytearray(INT8)
    index, (scales, values) = next(iter(biases(wrong).items()))
    scales[:], values[:] = scales * 1e4, 2**30
    assert (biases(with_bias_scales(bytes(wrong)))[index][1] == 2**31 - 1).all()
