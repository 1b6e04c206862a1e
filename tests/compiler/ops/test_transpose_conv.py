# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSE_CONV: TFLite's reference kernel = NumPy reference = C, over awkward shapes and options."""

import re

import numpy as np
import pytest
from generated_c import check_operators, random_inputs, run_c, run_numpy
from tflite_builder import RELU, SAME, VALID, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.reading.tflite import parse
from edgecnn.errors import ModelError

# Shape, filters, size, stride, padding, per channel, bias, more rows and columns.
CASES = [
    ((1, *shape), filters, size, stride, padding, number % 3 > 0, number % 4 > 0, more)
    for number, (shape, filters, size, stride, padding, more) in enumerate(
        (shape, filters, size, stride, padding, more)
        for shape, filters in (((1, 1, 1), 1), ((3, 5, 2), 3), ((4, 2, 5), 2))
        for size, stride in (
            ((2, 2), (2, 2)),
            ((3, 3), (2, 2)),
            ((4, 4), (2, 2)),
            ((1, 1), (2, 3)),
            ((3, 2), (1, 3)),
            ((2, 5), (3, 1)),
        )
        for padding, more in ((SAME, (0, 0)), (SAME, (0, -1)), (VALID, (0, 0)), (VALID, (1, 2)))
        if shape[1] * stride[1] + more[1] > 0
    )
]


def make(builder: Builder, source: int, *arguments: object) -> int:
    return builder.transpose_conv(source, *arguments)


@pytest.mark.parametrize("part", range(6))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::6])


def test_a_fused_activation_is_a_clamp() -> None:
    # Version 4 of the op, which the oracle does not run.
    plain, fused = (Builder(), Builder())
    models = []
    for builder, options in ((plain, {}), (fused, {"fused_activation_function": RELU})):
        source = builder.input((1, 4, 3, 2))
        made = builder.transpose_conv(source, 3)
        builder.operators[-1][3].update(options)
        models.append(builder.build((source,), (made,)))
    zero_point = parse(models[0]).tensors[parse(models[0]).outputs[0]].quantization.zero_point
    inputs = random_inputs(models[0])
    expected = [np.maximum(one[0], zero_point) for one in run_numpy(models[0], inputs)]
    assert any((one == zero_point).any() for one in expected)
    compiled = run_c([compile_tflite(models[1], name="net")], [inputs])[0]
    for ours, c, wanted in zip(run_numpy(models[1], inputs), compiled, expected, strict=True):
        np.testing.assert_array_equal(ours[0], wanted)
        np.testing.assert_array_equal(c, wanted.ravel())


def test_refusals() -> None:
    builder = Builder()
    source = builder.input((1, 4, 3, 2))
    made = builder.transpose_conv(source, 3)
    builder.tensors[made].shape = (1, 8, 5, 3)
    with pytest.raises(ModelError, match=r"output shape \(1, 8, 5, 3\); \(1, 8, 6, 3\) follows"):
        compile_tflite(builder.build((source,), (made,)), name="net")
    builder.tensors[made].shape = (1, 8, 6, 3)
    builder.operators[-1][3]["stride_h"] = 0
    with pytest.raises(ModelError, match="strides"):
        compile_tflite(builder.build((source,), (made,)), name="net")


@pytest.mark.parametrize("stated", [(5, 8, 6, 3), (1, 8, 6, 4)])
def test_the_stated_shape_is_that_of_the_output(stated: tuple[int, int, int, int]) -> None:
    builder = Builder()  # TFLite makes as many values as are stated, whatever the output's shape
    source = builder.input((1, 4, 3, 2))
    made = builder.transpose_conv(source, 3)
    builder.tensors[builder.operators[-1][1][0]].data[:] = stated
    with pytest.raises(ModelError, match=re.escape(f"output shape (1, 8, 6, 3); {stated} follows")):
        compile_tflite(builder.build((source,), (made,)), name="net")
