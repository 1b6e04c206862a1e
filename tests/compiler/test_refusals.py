# SPDX-License-Identifier: Apache-2.0
"""What can't be compiled is refused in one line that names the operator; so is what is corrupt."""

import random

import networks
import numpy as np
import pytest
from tflite_builder import SAME, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import EdgecnnError, ModelError


def refused(builder: Builder, source: int, made: int) -> str:
    with pytest.raises(ModelError) as error:
        compile_tflite(builder.build((source,), (made,)), name="net")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_op_without_a_kernel_names_those_there_are() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    message = refused(
        builder, source, builder.operator("SIN", (source,), builder.tensor((1, 4), "int8", 0.01))
    )
    assert message.startswith('SIN "tensor1" (operator 0) is not supported; supported: ABS, ADD, ')


def test_options_and_types() -> None:
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    tanh = builder.conv(source, 2, activation=4)
    assert "fused activation 4; only NONE, RELU" in refused(builder, source, tanh)
    builder = Builder()
    source = builder.input((2, 6, 6, 2))
    assert "batch 2; only batch 1" in refused(builder, source, builder.pool(source, "MAX", (2, 2), (2, 2)))
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    pooled = builder.pool(source, "MAX", (2, 2), (2, 2))
    builder.tensors[pooled].scales = (0.5,)
    assert "different scale or zero point" in refused(builder, source, pooled)
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    reshaped = builder.conv(source, 2, padding=SAME)
    builder.tensors[reshaped].shape = (1, 5, 6, 2)
    assert "(1, 6, 6, 2) follows from its inputs" in refused(builder, source, reshaped)


def test_a_sum_that_32_bits_do_not_hold() -> None:
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    made = builder.conv(source, 2)
    builder.tensors[builder.operators[-1][1][2]].data[1] = np.iinfo(np.int32).max
    assert "sum of channel 1 can reach" in refused(builder, source, made)


@pytest.mark.parametrize("op", ["CONV_2D", "ADD", "MUL", "PRELU", "MEAN"])
def test_a_scale_that_takes_results_beyond_32_bits(op: str) -> None:
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    if op in ("CONV_2D", "MEAN"):
        made = builder.conv(source, 2) if op == "CONV_2D" else builder.mean(source)
    else:
        made = builder.binary(op, source, builder.constant((2,)))
    builder.tensors[made].scales = (1e-20,)
    assert "scales are out of proportion" in refused(builder, source, made)


def test_flipped_bits_end_in_c_or_in_one_error() -> None:
    models, rng = [networks.small(), networks.residual(8), networks.two_ends()], random.Random(0)
    outcomes = set()
    for _ in range(150):
        broken = bytearray(rng.choice(models))
        for _ in range(rng.randint(1, 2)):
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        try:
            outcomes.add(bool(compile_tflite(bytes(broken), name="net").source))
        except EdgecnnError:
            outcomes.add(False)
    assert outcomes == {True, False}
