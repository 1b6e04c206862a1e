# SPDX-License-Identifier: Apache-2.0
"""The kernels for DSP instructions, in assembly and in plain C: the bytes of TFLite's reference kernels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import OPERANDS, check, operands
from on_target import check_on_target
from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler import compile_tflite, dsp

# Input shape, then what Builder.conv takes: filters, size, stride, padding, activation, dilation, ...
CONVOLUTIONS = [
    ((1, 5, 7, 8), 6, (3, 3), (1, 1), SAME, RELU),
    ((1, 4, 9, 4), 5, (3, 3), (1, 1), VALID, RELU6),
    ((1, 5, 8, 12), 34, (3, 3), (2, 2), SAME),  # more channels than at once
    ((1, 6, 10, 1), 8, (3, 3), (1, 1), SAME, RELU),
    ((1, 6, 10, 3), 7, (3, 3), (2, 2), SAME, RELU6),
    ((1, 4, 1, 8), 4, (1, 1)),  # a single column
    ((1, 3, 2, 20), 3, (1, 1)),
    ((1, 3, 4, 5), 9, (1, 1), (1, 1), VALID, RELU),
    ((1, 9, 9, 4), 4, (3, 3), (1, 1), SAME, NONE, (2, 2)),
    ((1, 3, 3, 160), 4, (3, 3), (1, 1), SAME, RELU),  # sums too large for one chunk
    ((1, 2, 4, 232), 3, (3, 3), (1, 1), SAME),  # one column at once takes less memory
    ((1, 4, 6, 4), 4, (2, 3), (1, 1), SAME, NONE, (1, 1), True, True, 0, False, 40.0),  # left shifts
]
DEPTHWISE = [
    ((1, 5, 7, 8), 1, (3, 3), (1, 1), SAME, RELU6),
    ((1, 6, 31, 5), 1, (3, 3), (1, 1), SAME, RELU),  # more columns than at once; not four channels
    ((1, 7, 20, 6), 1, (3, 3), (2, 2), SAME),
    ((1, 7, 5, 4), 1, (3, 3), (2, 2), VALID),
    ((1, 3, 3, 4), 1, (3, 3)),
    ((1, 9, 6, 4), 1, (3, 3), (1, 1), SAME, NONE, (1, 1), False),
    ((1, 6, 9, 1), 8, (3, 3), (2, 2), SAME, RELU6),  # one channel: a convolution
    ((1, 5, 6, 4), 2, (3, 3), (1, 1), SAME),  # portable
    ((1, 8, 7, 5), 1, (5, 5), (1, 1), SAME, RELU),  # any window
    ((1, 9, 10, 4), 1, (3, 3), (3, 3), SAME, RELU6),
    ((1, 9, 10, 4), 1, (2, 4), (1, 1), SAME, NONE, (2, 2)),
    ((1, 6, 6, 4), 1, (4, 2), (1, 1), SAME, NONE, (1, 1), True, True, 0, True, 40.0),
    ((1, 6, 6, 4), 1, (3, 3), (1, 1), SAME, NONE, (1, 1), True, True, 0, True, 40.0),  # left shifts
]
POOLED = [  # input shape, channels, pool
    ((1, 8, 9, 4), 6, (2, 2)),
    ((1, 10, 12, 3), 5, (3, 3)),
    ((1, 11, 12, 4), 4, (4, 5)),
    ((1, 8, 9, 4), 4, (1, 3)),
    ((1, 8, 9, 1), 4, (3, 1)),
    ((1, 4, 8, 230), 3, (2, 2)),
]
POOLS = [  # input shape, size, stride, padding, activation
    ((1, 7, 9, 4), (3, 3), (2, 2), SAME),
    ((1, 8, 6, 7), (2, 2), (2, 2), VALID, RELU6),
    ((1, 5, 5, 13), (5, 2), (1, 1), SAME, RELU),
    ((1, 6, 4, 3), (2, 2), (2, 2)),  # portable
]
AVERAGES = [
    ((1, 7, 9, 4), (3, 3), (2, 2), SAME),
    ((1, 8, 6, 8), (2, 2), (2, 2), VALID, RELU6),
    ((1, 15, 17, 4), (15, 17), (1, 1)),  # 255 values
    ((1, 16, 16, 4), (16, 16), (1, 1)),  # portable, or by rows
    ((1, 5, 5, 12), (5, 2), (1, 1), SAME, RELU),
    ((1, 6, 4, 6), (2, 2), (2, 2)),  # portable
]
DENSE = [
    ((1, 7), 3),
    ((1, 300), 40, RELU),  # several chunks, more outputs than at once
    ((1, 3, 5, 3), 5, RELU6, True),
    ((1, 64), 1),
]


def model(make: Any, shape: tuple[int, ...], seed: int) -> bytes:
    builder = Builder(seed)
    source = builder.input(shape, *((0.02, -11) if seed % 2 else ()))
    return builder.build((source,), (make(builder, source),))


def depthwise(builder: Builder, source: int, *arguments: Any) -> int:
    defaults = (1, (3, 3), (1, 1), VALID, NONE, (1, 1), True, True, 0, True)
    return builder.conv(source, *arguments, *defaults[len(arguments) :])


def pooled(builder: Builder, source: int, channels: int, pool: tuple[int, int]) -> int:
    made = builder.conv(source, channels, padding=SAME, activation=RELU)
    return builder.pool(made, "MAX", pool, pool)


def max_pool(builder: Builder, source: int, *arguments: Any) -> int:
    return builder.pool(source, "MAX", *arguments)


def average_pool(builder: Builder, source: int, *arguments: Any) -> int:
    return builder.pool(source, "AVERAGE", *arguments)


def dense(builder: Builder, source: int, *arguments: Any) -> int:
    flat = builder.flatten(source) if len(builder.tensors[source].shape) == 4 else source
    return builder.fully_connected(flat, *arguments)


def mobile(builder: Builder, source: int) -> int:
    """What keeps some columns between a depthwise and a 1x1 convolution, then adds."""
    at = builder.conv(source, 8, (3, 3), (1, 1), SAME, RELU6)
    made = builder.conv(depthwise(builder, at, 1, (3, 3), (1, 1), SAME, RELU6), 8, (1, 1), padding=SAME)
    at = builder.add(at, made, RELU)
    return builder.mean(builder.conv(depthwise(builder, at, 1, (3, 3), (2, 2), SAME), 12, (1, 1)))


MODELS = {
    "conv": [
        model(lambda b, s, a=arguments: b.conv(s, *a), shape, i)
        for i, (shape, *arguments) in enumerate(CONVOLUTIONS)
    ],
    "depthwise": [
        model(lambda b, s, a=arguments: depthwise(b, s, *a), shape, i)
        for i, (shape, *arguments) in enumerate(DEPTHWISE)
    ],
    "pooled": [
        model(lambda b, s, a=arguments: pooled(b, s, *a), shape, i)
        for i, (shape, *arguments) in enumerate(POOLED)
    ],
    "max_pool": [
        model(lambda b, s, a=arguments: max_pool(b, s, *a), shape, i)
        for i, (shape, *arguments) in enumerate(POOLS)
    ],
    "average_pool": [
        model(lambda b, s, a=arguments: average_pool(b, s, *a), shape, i)
        for i, (shape, *arguments) in enumerate(AVERAGES)
    ],
    "dense": [
        model(lambda b, s, a=arguments: dense(b, s, *a), shape, i)
        for i, (shape, *arguments) in enumerate(DENSE)
    ],
    "operands": [
        operands(op, (1, 5, 7, 3), (1, 5, 7, 3), kind)
        for op in ("ADD", "SUB", "MUL")
        for kind in ("", "constant", "constant first")
    ],
    "products": [operands("MUL", *case, fused_activation_function=i % 4) for i, case in enumerate(OPERANDS)],
    "mobile": [model(mobile, (1, 9, width, 3), width) for width in (1, 7, 12, 29)],
}
KINDS = pytest.mark.parametrize("kind", MODELS)


@KINDS
def test_plain_c_equals_the_oracle(kind: str) -> None:
    check(MODELS[kind], target="cortex-m4")


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm")
@KINDS
@pytest.mark.parametrize(
    ("core", "optimize", "level"),
    [("cortex-m4", "speed", "-O2"), ("cortex-m7", "size", "-Os"), ("cortex-m33", "speed", "-O0")],
)
def test_assembly_equals_the_oracle(kind: str, core: str, optimize: str, level: str, tmp_path: Path) -> None:
    check_on_target(MODELS[kind], core, tmp_path, optimize, level)


def test_what_has_no_faster_kernel_stays_portable() -> None:
    kernels = [
        step["kernel"]
        for one in MODELS["depthwise"][:1] + MODELS["depthwise"][6:8]
        for step in compile_tflite(one, name="net", target="cortex-m4").plan["steps"][1:]
    ]
    assert kernels == ["depthwise_conv_2d.dsp", "conv_2d.dsp", "depthwise_conv_2d"]


def test_operands_have_the_faster_kernels() -> None:
    kernels = [
        compile_tflite(one, name="net", target="cortex-m4").plan["steps"][-1]["kernel"]
        for one in MODELS["operands"]
    ]
    assert kernels == ["add.scaled"] * 6 + ["mul.scaled"] * 3


def test_a_chunk_keeps_sums_apart() -> None:
    matrix = np.full((3, 1000), 127, np.int8)
    assert dsp.groups_per_chunk(matrix) * dsp.TAPS * 127 * 128 < 1 << 23
    matrix[1] = 1
    assert dsp.groups_per_chunk(matrix) * dsp.TAPS == 1000  # only second channels count


def test_pairs_hold_256_times_the_second_channel_and_the_first() -> None:
    matrix = np.array([[1, 2, 3, 4], [-5, 6, 7, 8]], np.int8)
    packed = dsp.pack_pairs(matrix, chunk=1, at_once=2)
    assert packed is not None
    assert packed.view("<i2").tolist() == [256 * -5 + 1, 256 * 7 + 3, 256 * 6 + 2, 256 * 8 + 4]


def test_weights_beyond_a_half_are_left_to_the_portable_kernel() -> None:
    assert dsp.pack_pairs(np.array([[-1], [-128]], np.int8), chunk=1, at_once=2) is None
