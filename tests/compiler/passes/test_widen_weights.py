# SPDX-License-Identifier: Apache-2.0
"""Weights of four bits: read, and computed with as those of eight that they stand for."""

import numpy as np
import pytest
from generated_c import check
from kernel_cases import depthwise
from tflite_builder import RELU, SAME, Builder

from edgecnn.compiler import compile_tflite, int4
from edgecnn.errors import ModelError


def network(kind: str, bits: int) -> bytes:
    """One operator whose weights are -8..7, stored in so many bits."""
    builder = Builder(3)
    source = builder.input((1, 5, 6, 3))
    if kind == "dense":
        made = builder.fully_connected(builder.flatten(source), 5, RELU, True)
    elif kind == "depthwise":
        made = depthwise(builder, source, 3, (3, 3), (1, 1), SAME)
    else:
        made = builder.conv(source, 5, (3, 3), (2, 1), SAME)
    weights = builder.tensors[builder.operators[-1][1][1]]
    assert weights.data is not None
    weights.data = (weights.data >> 4).astype(np.int8)
    if bits == 4:
        nibbles = np.resize(np.append(weights.data.ravel(), np.int8(0)), (weights.data.size + 1) // 2 * 2)
        low, high = (nibbles.view(np.uint8) & 15).reshape(-1, 2).T
        weights.dtype, weights.data = "int4", low | high << 4
    return builder.build((source,), (made,))


def text(model: bytes) -> str:
    compiled = compile_tflite(model, name="net")
    return compiled.source.replace(compiled.model.original.sha256[:8], "")


def test_the_low_half_of_a_byte_comes_first() -> None:
    assert int4.unpacked(np.array([0x1F, 0x78], np.uint8)).tolist() == [-1, 1, -8, 7]


@pytest.mark.parametrize("kind", ["convolution", "depthwise"])
def test_tflite_runs_them_and_makes_the_same(kind: str) -> None:
    check([network(kind, 4)])


@pytest.mark.parametrize("kind", ["convolution", "depthwise", "dense"])
def test_the_c_is_that_of_the_weights_in_eight_bits(kind: str) -> None:
    assert text(network(kind, 4)) == text(network(kind, 8))


def test_too_few_bytes_are_refused() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    made = builder.fully_connected(source, 3)
    weights = builder.tensors[builder.operators[-1][1][1]]
    weights.dtype, weights.data = "int4", np.zeros(5, np.uint8)
    with pytest.raises(ModelError, match=r"has 5 bytes of int4 weights; \(3, 4\) takes 6"):
        compile_tflite(builder.build((source,), (made,)), name="net")
