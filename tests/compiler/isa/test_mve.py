# SPDX-License-Identifier: Apache-2.0
"""The kernels for MVE, in assembly and in plain C: the bytes of TFLite's reference kernels."""

from pathlib import Path

import numpy as np
import pytest
from generated_c import check, models
from kernel_cases import DEPTHWISE_LEFT, depthwise, kernel_models, kernels, over_int4
from on_target import check_on_target
from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler.isa.mve import packing

LARGE_POOL = ((1, 64, 64, 3), (64, 64), (1, 1))  # for an average too many values, or by rows
MODELS = kernel_models(
    {
        "conv_2d": [  # the first of all instruction sets has 72 taps: 3, 2 and 2 columns
            ((1, 4, 9, 4), 5, (3, 3), (1, 1), VALID, RELU6),
            ((1, 5, 8, 12), 35, (3, 3), (2, 2), SAME),  # more channels than at once
            ((1, 5, 7, 2), 3, (4, 4), (1, 1), SAME),  # 32 taps: first layers' stay in registers
            ((1, 4, 1, 40), 7, (1, 1)),
            ((1, 3, 7, 33), 2, (1, 1), (2, 2), VALID),  # columns in the row, one byte beyond two vectors
            ((1, 2, 3, 16), 1, (1, 1)),  # a single channel
            (
                (1, 3, 3, 310),
                4,
                (3, 3),
                (1, 1),
                SAME,
                RELU,
            ),  # two columns at once take less memory, one even less
        ],
        "pooled": [
            ((1, 11, 12, 4), 35, (4, 5)),
            ((1, 8, 9, 4), 4, (1, 3)),
            ((1, 8, 9, 1), 34, (2, 2)),
            ((1, 4, 8, 310), 3, (2, 2)),
        ],
        "depthwise_conv_2d": [
            ((1, 7, 20, 37), 1, (3, 3), (2, 2), SAME),  # channels that overlap
            ((1, 7, 5, 16), 1, (3, 3), (2, 2), VALID),
            ((1, 3, 3, 4), 1, (3, 3)),
            ((1, 8, 7, 18), 1, (5, 5), (1, 1), SAME, RELU),  # more rows and columns than a vector has
            ((1, 9, 3, 5), 1, (5, 5), (1, 1), SAME),  # wider than the input
            ((1, 9, 10, 12), 1, (2, 4), (1, 1), SAME, NONE, (2, 2)),
            ((1, 6, 6, 4), 1, (4, 2), (1, 1), SAME, NONE, *DEPTHWISE_LEFT),
            ((1, 9, 1, 70), 1, (5, 1)),  # lines: more channels than at once, and than whole vectors have
            ((1, 5, 9, 16), 1, (1, 5), (2, 2), SAME, RELU),
            ((1, 5, 1, 4), 1, (3, 3), (1, 1), SAME, NONE, *DEPTHWISE_LEFT),
            ((1, 5, 5, 33), 1, (3, 3), (1, 1), SAME),  # short rows and many channels
        ],
        "max_pool_2d": [((1, 5, 5, 37), (5, 2), (1, 1), SAME, RELU), LARGE_POOL],
        "average_pool_2d": [
            ((1, 8, 6, 7), (2, 2), (2, 2), VALID, RELU6),
            ((1, 5, 5, 37), (5, 2), (1, 1), SAME, RELU),
            LARGE_POOL,
        ],
        "fully_connected": [((1, 300), 45, RELU), ((1, 3, 5, 3), 6, RELU6, True)],
        "columns": [((1, 9, width, 3), 9, width % 2) for width in (1, 7, 12, 29)],
    }
)


def binary(builder: Builder, source: int, op: str, swapped: bool, activation: int) -> int:
    operands = [builder.conv(source, builder.tensors[source].shape[3], padding=SAME), source]
    return builder.binary(op, *operands[:: -1 if swapped else 1], fused_activation_function=activation)


# The op, whether its first operand is the input, whose scale is the smaller; activation.
SUMS = [
    ((1, 3, 5, 7), op, swapped, activation)
    for op in ("ADD", "SUB")
    for swapped, activation in ((False, RELU), (True, NONE))
]
MODELS["sums"] = models(binary, SUMS)
MODELS["lookup"] = models(
    lambda builder, source: builder.unary("LOGISTIC", source),
    [((1, 9, width, 9),) for width in (1, 7, 12, 29)],
)

MODELS["s8w4"] = over_int4(MODELS)


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
    every = [one for kind, some in MODELS.items() for one in some[::sample] if kind != "s8w4"]
    check_on_target(every, "cortex-m55", tmp_path, optimize, level)


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm")
@pytest.mark.parametrize(
    ("optimize", "level", "sample"), [("speed", "-O2", 2), ("size", "-Os", 3), ("speed", "-O0", 5)]
)
def test_assembly_over_four_bits_equals_the_references(
    tmp_path: Path, optimize: str, level: str, sample: int
) -> None:
    check_on_target(MODELS["s8w4"][sample - 2 :: sample], "cortex-m55", tmp_path, optimize, level)


def test_what_has_no_faster_kernel_stays_portable() -> None:
    assert [kernels(one, "cortex-m55") for one in MODELS["depthwise_conv_2d"][:3]] == [
        ["depthwise_conv_2d.mve"],
        ["depthwise_conv_2d"],
        ["conv_2d.mve"],
    ]


def test_vectors_are_of_channels_where_windows_are_lines_or_rows_short_and_channels_many() -> None:
    def taken(width: int, channels: int, *size: int) -> str:
        [model] = models(depthwise, [((1, 5, width, channels), 1, size, (1, 1), SAME)])
        return kernels(model, "cortex-m55")[0]

    by_rows, by_taps = "depthwise_conv_2d.mve", "depthwise_conv_2d_any.mve"
    assert taken(6, 32, 3, 3) == taken(5, 31, 3, 3) == taken(2, 4, 2, 2) == by_rows
    assert taken(5, 32, 3, 3) == taken(9, 4, 3, 1) == taken(9, 4, 1, 3) == taken(1, 4, 3, 3) == by_taps


@pytest.mark.parametrize(("taps", "channels"), [(1, 4), (3, 16), (2, 33)])
def test_sixteen_channels_weights_of_a_tap_lie_together(taps: int, channels: int) -> None:
    matrix = np.random.default_rng(taps).integers(-128, 128, (taps, channels)).astype(np.int8)
    packed = packing.pack_taps(matrix).reshape(-1, taps, 16)
    for c in range(16 * len(packed)):
        wanted = matrix[:, c] if c < channels else np.zeros(taps)
        np.testing.assert_array_equal(packed[c // 16, :, c % 16], wanted)


def test_weights_of_four_bits_have_kernels_of_their_own() -> None:
    narrow = {
        kernel for model in MODELS["s8w4"] for kernel in kernels(model, "cortex-m55") if "s8w4" in kernel
    }
    assert {"conv_2d.s8w4.mve", "fully_connected.s8w4.mve"} <= narrow
