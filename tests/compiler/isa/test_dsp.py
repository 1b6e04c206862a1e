# SPDX-License-Identifier: Apache-2.0
"""The kernels for DSP instructions, in assembly and in plain C: the bytes of TFLite's reference kernels."""

from pathlib import Path

import numpy as np
import pytest
from generated_c import OPERANDS, check, models, operands
from kernel_cases import DEPTHWISE_LEFT, depthwise, kernel_models, kernels, over_int4
from on_target import check_on_target
from tflite_builder import NONE, RELU, RELU6, SAME, VALID

from edgecnn.compiler.isa.dsp import packing

MODELS = kernel_models(
    {
        "conv_2d": [
            ((1, 4, 9, 4), 5, (3, 3), (1, 1), VALID, RELU6),
            ((1, 5, 8, 12), 34, (3, 3), (2, 2), SAME),  # more channels than at once
            ((1, 3, 3, 160), 4, (3, 3), (1, 1), SAME, RELU),  # sums too large for one chunk
            ((1, 2, 4, 232), 3, (3, 3), (1, 1), SAME),  # one column at once takes less memory
        ],
        "depthwise_conv_2d": [
            ((1, 7, 20, 6), 1, (3, 3), (2, 2), SAME),  # more columns than at once; not four channels
            ((1, 7, 5, 4), 1, (3, 3), (2, 2), VALID),
            ((1, 3, 3, 4), 1, (3, 3)),
            ((1, 9, 6, 4), 1, (3, 3), (1, 1), SAME, NONE, (1, 1), False),
            ((1, 8, 7, 5), 1, (5, 5), (1, 1), SAME, RELU),  # any window
            ((1, 9, 1, 70), 1, (5, 1)),  # more channels than at once; not four
            ((1, 12, 1, 8), 1, (10, 1), (1, 1), SAME, RELU),
            ((1, 3, 4, 6), 1, (1, 1)),
            ((1, 4, 5, 4), 1, (1, 2), (1, 1), SAME, RELU6),
            ((1, 6, 5, 3), 2, (5, 3), (1, 1), SAME),  # two outputs share a channel
            ((1, 6, 4, 2), 5, (2, 2), (2, 1), VALID, RELU, *DEPTHWISE_LEFT),
            ((1, 4, 13, 32), 1, (3, 3), (1, 1), SAME),
            ((1, 4, 13, 3), 1, (3, 3), (1, 1), SAME),  # portable
            ((1, 9, 10, 4), 1, (2, 4), (1, 1), SAME, NONE, (2, 2)),
            ((1, 6, 6, 4), 1, (4, 2), (1, 1), SAME, NONE, *DEPTHWISE_LEFT),
            ((1, 6, 6, 4), 1, (3, 3), (1, 1), SAME, NONE, *DEPTHWISE_LEFT),
        ],
        "pooled": [
            ((1, 11, 12, 4), 4, (4, 5)),
            ((1, 8, 9, 4), 4, (1, 3)),
            ((1, 4, 8, 230), 3, (2, 2)),
        ],
        "max_pool_2d": [
            ((1, 5, 5, 13), (5, 2), (1, 1), SAME, RELU),
            ((1, 6, 4, 3), (2, 2), (2, 2)),  # portable
        ],
        "average_pool_2d": [
            ((1, 15, 17, 4), (15, 17), (1, 1)),  # 255 values
            ((1, 16, 16, 4), (16, 16), (1, 1)),  # portable, or by rows
            ((1, 5, 5, 12), (5, 2), (1, 1), SAME, RELU),
            ((1, 6, 4, 6), (2, 2), (2, 2)),  # portable
        ],
        "fully_connected": [
            ((1, 300), 40, RELU),  # several chunks, more outputs than at once
        ],
        "columns": [((1, 9, width, 3),) for width in (7, 12)],
    }
)
MODELS["s8w4"] = over_int4(MODELS)
MODELS["operands"] = [
    operands(op, (1, 5, 7, 3), (1, 5, 7, 3), kind)
    for op in ("ADD", "SUB", "MUL")
    for kind in ("", "constant", "constant first")
]
MODELS["products"] = [
    operands("MUL", *case, fused_activation_function=i % 4) for i, case in enumerate(OPERANDS)
]
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


def test_one_channel_is_a_convolution() -> None:
    assert kernels(MODELS["depthwise_conv_2d"][2], "cortex-m4") == ["conv_2d.dsp"]


def test_windows_are_computed_by_rows_where_these_are_long_and_channels_few() -> None:
    def taken(width: int, channels: int, *arguments: object) -> str:
        [model] = models(depthwise, [((1, 5, width, channels), *arguments)])
        return kernels(model, "cortex-m4")[0]

    by_rows, by_taps = "depthwise_conv_2d.dsp", "depthwise_conv_2d_any.dsp"
    assert taken(12, 28, 1, (3, 3), (1, 1), SAME) == by_rows
    assert taken(11, 28, 1, (3, 3), (1, 1), SAME) == by_taps
    assert taken(12, 32, 1, (3, 3), (1, 1), SAME) == by_taps
    assert taken(30, 28, 1, (3, 3), (2, 2), SAME) == by_taps
    assert taken(12, 4, 2, (3, 3), (1, 1), SAME) == by_taps
    assert taken(12, 3, 1, (3, 3), (1, 1), SAME) == "depthwise_conv_2d"


@pytest.mark.parametrize(("taps", "channels"), [(1, 4), (2, 5), (3, 8), (9, 7), (10, 6)])
def test_a_depthwise_kernel_finds_each_weight_in_its_half(taps: int, channels: int) -> None:
    matrix = np.random.default_rng(taps).integers(-256, 256, (taps, channels)).astype(np.int16)
    halves = iter(packing.pack_taps(matrix).view("<i2").tolist())
    for start in range(0, channels, 4):
        c = min(start, channels - 4)
        order = (c, c + 2, c + 1, c + 3)
        for tap in range(taps % 2):
            assert [next(halves) for _ in order] == [matrix[tap, i] for i in order]
        for tap in range(taps % 2, taps, 2):
            for i in order:
                assert (next(halves), next(halves)) == (matrix[tap, i], matrix[tap + 1, i])
    assert not list(halves)


def test_two_shifts_round_as_one_does() -> None:
    """What kernel_scale_channels makes of a high product is what kernel_scale makes of it."""
    highs = np.unique(
        np.concatenate([np.arange(-70000, 70000), (1 << np.arange(30)) - 1, -(1 << np.arange(30))])
    )
    for right in range(1, 22):
        for zero_point in (-128, -1, 0, 7, 127):
            nudged = highs - (highs < 0)
            rounding = (2 * zero_point + 1) * (1 << (right - 1))
            at_once = (nudged + rounding) >> right
            np.testing.assert_array_equal(((nudged >> (right - 1)) + 2 * zero_point + 1) >> 1, at_once)


def test_weights_of_four_bits_have_kernels_of_their_own() -> None:
    narrow = {
        kernel for model in MODELS["s8w4"] for kernel in kernels(model, "cortex-m4") if "s8w4" in kernel
    }
    assert {"conv_2d.s8w4.dsp", "fully_connected.s8w4.dsp"} <= narrow


def test_operands_have_the_faster_kernels() -> None:
    made = [kernels(one, "cortex-m4")[-1] for one in MODELS["operands"]]
    assert made == ["add.scalar"] * 6 + ["mul.scalar"] * 3


def test_a_chunk_keeps_sums_apart() -> None:
    matrix = np.full((3, 1000), 127, np.int8)
    assert packing.groups_per_chunk(matrix) * packing.TAPS * 127 * 128 < 1 << 23
    matrix[1] = 1
    assert packing.groups_per_chunk(matrix) * packing.TAPS == 1000  # only second channels count


def test_a_chunk_of_four_bits_keeps_all_sums_within_bounds() -> None:
    matrix = np.full((3, 1000), -8, np.int8)
    matrix[1] = 0
    assert packing.groups_per_chunk(matrix, narrow=True) * packing.TAPS * 8 * 128 < 1 << 19


def test_four_bits_hold_both_channels_taps_from_the_highest_down() -> None:
    matrix = np.array([[1, 2, 3, 4], [-5, 6, 7, -8]], np.int8)
    packed = packing.pack_pairs(matrix, chunk=1, at_once=2, narrow=True)
    assert packed is not None
    assert packed.view("<u2").tolist() == [0x1B26, 0x3748]


def test_pairs_hold_256_times_the_second_channel_and_the_first() -> None:
    matrix = np.array([[1, 2, 3, 4], [-5, 6, 7, 8]], np.int8)
    packed = packing.pack_pairs(matrix, chunk=1, at_once=2)
    assert packed is not None
    assert packed.view("<i2").tolist() == [256 * -5 + 1, 256 * 7 + 3, 256 * 6 + 2, 256 * 8 + 4]


def test_weights_beyond_a_half_are_left_to_the_portable_kernel() -> None:
    assert packing.pack_pairs(np.array([[-1], [-128]], np.int8), chunk=1, at_once=2) is None
