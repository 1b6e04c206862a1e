# SPDX-License-Identifier: Apache-2.0
"""The kernels for MVE, in assembly and in plain C: the bytes of TFLite's reference kernels."""

from pathlib import Path
from typing import Any

import pytest
from generated_c import check
from on_target import check_on_target
from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler import compile_tflite

# What Builder.conv takes for multipliers above one.
LEFT = (NONE, (1, 1), True, True, 0, False, 40.0)
# Input shape, then what Builder.conv takes: filters, size, stride, padding, activation, dilation, ...
CONVOLUTIONS = [
    ((1, 5, 7, 8), 6, (3, 3), (1, 1), SAME, RELU),  # 72 taps: 3, 2 and 2 columns
    ((1, 4, 9, 4), 5, (3, 3), (1, 1), VALID, RELU6),
    ((1, 5, 8, 12), 35, (3, 3), (2, 2), SAME),  # more channels than at once
    ((1, 6, 10, 1), 8, (3, 3), (1, 1), SAME, RELU),  # first layers: taps stay in registers
    ((1, 6, 10, 3), 7, (3, 3), (2, 2), SAME, RELU6),
    ((1, 5, 7, 2), 3, (4, 4), (1, 1), SAME),  # 32 taps
    ((1, 4, 1, 8), 4, (1, 1)),  # a single column
    ((1, 4, 1, 40), 7, (1, 1)),
    ((1, 3, 2, 20), 3, (1, 1)),
    ((1, 3, 4, 5), 9, (1, 1), (1, 1), VALID, RELU),
    ((1, 3, 7, 33), 2, (1, 1), (2, 2), VALID),  # columns in the row, one byte beyond two vectors
    ((1, 2, 3, 16), 1, (1, 1)),  # a single channel
    ((1, 9, 9, 4), 4, (3, 3), (1, 1), SAME, NONE, (2, 2)),
    ((1, 3, 3, 310), 4, (3, 3), (1, 1), SAME, RELU),  # two columns at once take less memory, one even less
    ((1, 4, 6, 4), 4, (2, 3), (1, 1), SAME, *LEFT),
]
POOLED = [  # input shape, channels, pool
    ((1, 8, 9, 4), 6, (2, 2)),
    ((1, 10, 12, 3), 5, (3, 3)),
    ((1, 11, 12, 4), 35, (4, 5)),
    ((1, 8, 9, 4), 4, (1, 3)),
    ((1, 8, 9, 1), 34, (2, 2)),
    ((1, 8, 9, 1), 4, (3, 1)),
    ((1, 4, 8, 310), 3, (2, 2)),
]
DEPTHWISE = [
    ((1, 5, 7, 8), 1, (3, 3), (1, 1), SAME, RELU6),
    ((1, 6, 31, 5), 1, (3, 3), (1, 1), SAME, RELU),  # more columns than at once
    ((1, 7, 20, 37), 1, (3, 3), (2, 2), SAME),  # channels that overlap
    ((1, 7, 5, 16), 1, (3, 3), (2, 2), VALID),
    ((1, 3, 3, 4), 1, (3, 3)),
    ((1, 6, 9, 1), 8, (3, 3), (2, 2), SAME, RELU6),  # one channel: a convolution
    ((1, 5, 6, 4), 2, (3, 3), (1, 1), SAME),  # portable
    ((1, 8, 7, 18), 1, (5, 5), (1, 1), SAME, RELU),  # more rows and columns than a vector has
    ((1, 9, 3, 5), 1, (5, 5), (1, 1), SAME),  # wider than the input
    ((1, 9, 10, 4), 1, (3, 3), (3, 3), SAME, RELU6),
    ((1, 9, 10, 12), 1, (2, 4), (1, 1), SAME, NONE, (2, 2)),
    ((1, 6, 6, 4), 1, (4, 2), (1, 1), SAME, *LEFT[:5], True, 40.0),
]
POOLS = [  # input shape, size, stride, padding, activation
    ((1, 7, 9, 4), (3, 3), (2, 2), SAME),
    ((1, 8, 6, 7), (2, 2), (2, 2), VALID, RELU6),
    ((1, 5, 5, 37), (5, 2), (1, 1), SAME, RELU),
    ((1, 64, 64, 3), (64, 64), (1, 1)),  # for an average too many values, or by rows
]
SUMS = [  # shape, op, whether the sum's first operand is the input, whose scale is the smaller; activation
    ((1, 3, 5, 7), op, swapped, activation)
    for op in ("ADD", "SUB")
    for swapped, activation in ((False, RELU), (True, NONE))
]
DENSE = [
    ((1, 7), 3),
    ((1, 300), 45, RELU),
    ((1, 3, 5, 3), 6, RELU6, True),
    ((1, 64), 1),
]


def model(make: Any, shape: tuple[int, ...], seed: int) -> bytes:
    builder = Builder(seed)
    source = builder.input(shape, *((0.02, -11) if seed % 2 else ()))
    return builder.build((source,), (make(builder, source),))


def models(make: Any, cases: list[Any]) -> list[bytes]:
    return [
        model(lambda b, s, a=arguments: make(b, s, *a), shape, seed)
        for seed, (shape, *arguments) in enumerate(cases)
    ]


def pooled(builder: Builder, source: int, channels: int, pool: tuple[int, int]) -> int:
    made = builder.conv(source, channels, padding=SAME, activation=RELU)
    return builder.pool(made, "MAX", pool, pool)


def depthwise(builder: Builder, source: int, *arguments: Any) -> int:
    defaults = (1, (3, 3), (1, 1), VALID, NONE, (1, 1), True, True, 0, True)
    return builder.conv(source, *arguments, *defaults[len(arguments) :])


def max_pool(builder: Builder, source: int, *arguments: Any) -> int:
    return builder.pool(source, "MAX", *arguments)


def average_pool(builder: Builder, source: int, *arguments: Any) -> int:
    return builder.pool(source, "AVERAGE", *arguments)


def binary(builder: Builder, source: int, op: str, swapped: bool, activation: int) -> int:
    operands = [builder.conv(source, builder.tensors[source].shape[3], padding=SAME), source]
    return builder.binary(op, *operands[:: -1 if swapped else 1], fused_activation_function=activation)


def mobile(builder: Builder, source: int, activation: int) -> int:
    """What keeps some columns between a depthwise and a 1x1 convolution, then adds."""
    at = builder.conv(source, 9, (3, 3), (1, 1), SAME, RELU6)
    made = builder.conv(depthwise(builder, at, 1, (3, 3), (1, 1), SAME, RELU6), 9, (1, 1), padding=SAME)
    at = builder.unary("LOGISTIC", builder.add(at, made, activation))
    return builder.mean(builder.conv(depthwise(builder, at, 1, (3, 3), (2, 2), SAME), 12, (1, 1)))


def dense(builder: Builder, source: int, *arguments: Any) -> int:
    flat = builder.flatten(source) if len(builder.tensors[source].shape) == 4 else source
    return builder.fully_connected(flat, *arguments)


MODELS = {
    "conv": models(Builder.conv, CONVOLUTIONS),
    "pooled": models(pooled, POOLED),
    "depthwise": models(depthwise, DEPTHWISE),
    "max_pool": models(max_pool, POOLS),
    "average_pool": models(average_pool, POOLS),
    "sums": models(binary, SUMS),
    "dense": models(dense, DENSE),
    "mobile": models(mobile, [((1, 9, width, 3), width % 2) for width in (1, 7, 12, 29)]),
}


@pytest.mark.parametrize("kind", MODELS)
def test_plain_c_equals_the_oracle(kind: str) -> None:
    check(MODELS[kind], target="cortex-m55")


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm")
@pytest.mark.parametrize(
    ("optimize", "level", "sample"),
    [("speed", "-O2", 1), ("size", "-Os", 2), ("speed", "-O0", 3)],  # all of the last don't fit the board
)
def test_assembly_equals_the_references(tmp_path: Path, optimize: str, level: str, sample: int) -> None:
    every = [one for kind in MODELS.values() for one in kind[::sample]]
    check_on_target(every, "cortex-m55", tmp_path, optimize, level)


def test_what_has_no_faster_kernel_stays_portable() -> None:
    kernels = [
        step["kernel"]
        for one in MODELS["depthwise"][4:7]
        for step in compile_tflite(one, name="net", target="cortex-m55").plan["steps"][1:]
    ]
    assert kernels == ["depthwise_conv_2d.mve", "conv_2d.mve", "depthwise_conv_2d"]
