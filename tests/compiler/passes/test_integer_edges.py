# SPDX-License-Identifier: Apache-2.0
"""Float and uint8 edges become int8 ones; the C computes the bytes of the model as it was."""

import networks
import numpy as np
import pytest
from generated_c import random_inputs, run_c, run_oracle
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.reading.tflite import parse


def kept(model: bytes) -> list[str]:
    return [operator.op for operator in integer_edges(parse(model)).operators]


def test_float_edges_go() -> None:
    assert kept(networks.float_edges()) == ["CONV_2D"]


@pytest.mark.parametrize("shift", [0, 3])
def test_uint8_edges_are_int8_of_128_less(shift: int) -> None:
    model = networks.uint8_edges(shift=shift)
    assert kept(model) == (["QUANTIZE", "CONV_2D", "QUANTIZE"] if shift else ["CONV_2D"])
    inputs = random_inputs(model)
    compiled = compile_tflite(model, name="net")
    assert "the .tflite's uint8 less 128" in compiled.header
    for got, (wanted,) in zip(run_c([compiled], [inputs])[0], run_oracle(model, inputs), strict=True):
        np.testing.assert_array_equal(got, wanted.ravel())


def test_a_conversion_of_the_input_to_the_output_stays() -> None:
    builder = Builder()
    source = builder.tensor((1, 4), "uint8", 0.02, 121)
    made = builder.operator("QUANTIZE", (source,), builder.tensor((1, 4), "int8", 0.02, -7))
    assert kept(builder.build((source,), (made,))) == ["QUANTIZE"]
