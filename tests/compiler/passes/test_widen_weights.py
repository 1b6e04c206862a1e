# SPDX-License-Identifier: Apache-2.0
"""Weights of four bits: read, and stored in four bits or in eight, as a target has kernels."""

import numpy as np
import pytest
from generated_c import check
from kernel_cases import depthwise
from narrow import narrowed
from tflite_builder import RELU, SAME, Builder

from edgecnn.compiler import compile_tflite, int4
from edgecnn.errors import ModelError


def network(kind: str, bits: int, channels: int = 3) -> bytes:
    """One operator whose weights are -8..7, stored in so many bits."""
    builder = Builder(3)
    source = builder.input((1, 5, 6, channels))
    if kind == "dense":
        made = builder.fully_connected(builder.flatten(source), 5, RELU, True)
    elif kind == "depthwise":
        made = depthwise(builder, source, 3 if channels < 4 else 1, (3, 3), (1, 1), SAME)
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


def text(model: bytes, target: str) -> str:
    compiled = compile_tflite(model, name="net", target=target)
    return compiled.source.replace(compiled.model.original.sha256[:8], "")


def test_the_low_half_of_a_byte_comes_first() -> None:
    assert int4.unpacked(np.array([0x1F, 0x78], np.uint8)).tolist() == [-1, 1, -8, 7]


def test_tflite_runs_them_and_makes_the_same() -> None:
    check([network(kind, 4) for kind in ("convolution", "depthwise", "dense")])


@pytest.mark.parametrize("kind", ["convolution", "depthwise", "dense"])
def test_a_filter_takes_half_the_bytes(kind: str) -> None:
    narrow, wide = (compile_tflite(network(kind, bits), name="net") for bits in (4, 8))
    taken = [
        int(np.asarray(one.model.schedule.network.steps[-1].params["filter"]).nbytes)
        for one in (narrow, wide)
    ]
    assert taken[0] == (taken[1] + 1) // 2


def test_where_only_int8_has_a_faster_kernel_they_are_stored_in_eight_bits() -> None:
    assert text(network("depthwise", 4, 8), "cortex-m4") == text(network("depthwise", 8, 8), "cortex-m4")


def test_where_none_has_a_faster_kernel_they_stay_in_four() -> None:
    steps = compile_tflite(network("depthwise", 4), name="net", target="c99").plan["steps"]
    assert steps[-1]["kernel"] == "depthwise_conv_2d.s8w4"


def test_passes_that_remove_channels_leave_them_in_four_bits() -> None:
    builder = Builder(3)
    made = builder.conv(builder.conv(builder.input((1, 9, 9, 4)), 6, dead=2), 5)
    compiled = compile_tflite(narrowed(builder.build((0,), (made,))), name="net")
    assert [step["kernel"] for step in compiled.plan["steps"]] == ["input", "conv_2d.s8w4", "conv_2d.s8w4"]
    assert "const int4[4,3,3,4]" in compiled.dumps["narrow"]


def test_too_few_bytes_are_refused() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    made = builder.fully_connected(source, 3)
    weights = builder.tensors[builder.operators[-1][1][1]]
    weights.dtype, weights.data = "int4", np.zeros(5, np.uint8)
    with pytest.raises(ModelError, match=r"has 5 bytes of int4 weights; \(3, 4\) takes 6"):
        compile_tflite(builder.build((source,), (made,)), name="net")
