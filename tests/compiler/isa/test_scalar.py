# SPDX-License-Identifier: Apache-2.0
"""The kernels for cores without SIMD, in assembly and in plain C: the bytes of TFLite's reference kernels."""

from pathlib import Path

import numpy as np
import pytest
from generated_c import check, operands, run_c, run_oracle
from kernel_cases import DEPTHWISE_LEFT, kernel_models, kernels, over_int4
from on_target import check_on_target
from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.isa.scalar import packing

KINDS = kernel_models(
    {
        "conv_2d": [
            ((1, 5, 8, 12), 9, (3, 3), (2, 2), SAME),
            ((1, 3, 4, 160), 4, (3, 3), (1, 1), SAME, RELU),  # several chunks, the filter row by row
            ((1, 2, 4, 300), 40, (1, 1)),  # and at once
        ],
        "depthwise_conv_2d": [
            ((1, 7, 20, 2), 1, (3, 3), (2, 2), SAME),
            ((1, 4, 6, 35), 1, (3, 3), (1, 1), SAME, RELU6),  # many channels: tiles of some
            ((1, 6, 9, 32), 1, (3, 2), (2, 2), SAME),
            ((1, 7, 9, 4), 1, (3, 3), (2, 2), VALID),
            ((1, 3, 3, 4), 1, (3, 3)),
            ((1, 6, 9, 1), 6, (3, 3), (2, 2), SAME, RELU6),  # one channel, not four filters
            ((1, 8, 17, 5), 1, (5, 5), (1, 1), SAME, RELU),  # any window
            ((1, 9, 10, 4), 1, (2, 4), (1, 1), SAME, NONE, (2, 2)),
            ((1, 6, 6, 4), 1, (3, 3), (1, 1), SAME, NONE, *DEPTHWISE_LEFT),
            ((1, 9, 1, 10), 1, (5, 1)),  # short rows, without padding and with it
            ((1, 5, 2, 3), 1, (3, 3), (1, 1), SAME, NONE, *DEPTHWISE_LEFT),
            ((1, 10, 6, 5), 1, (8, 2), (1, 1), SAME, RELU),  # tall
            ((1, 6, 5, 3), 2, (5, 3), (1, 1), SAME),  # two outputs share a channel
        ],
        "pooled": [
            ((1, 11, 12, 4), 4, (4, 5)),
            ((1, 8, 9, 4), 4, (1, 3)),
            ((1, 4, 8, 100), 3, (2, 2)),
        ],
        "max_pool_2d": [
            ((1, 5, 5, 13), (5, 2), (1, 1), SAME, RELU),
            ((1, 6, 4, 3), (2, 2), (2, 2)),  # portable
        ],
        "average_pool_2d": [
            ((1, 7, 5, 4), (7, 5), (1, 1)),
            ((1, 6, 4, 6), (2, 2), (2, 2)),  # portable
        ],
        "fully_connected": [((1, 300), 10, RELU)],
        "columns": [((1, 9, 7, 3),)],
    }
)
KINDS["s8w4"] = over_int4(KINDS)
MODELS = [model for of_kind in KINDS.values() for model in of_kind]
MODELS += [operands(op, (1, 5, 7, 3), other) for op in ("SUB", "MUL") for other in ((1, 5, 7, 3), (1, 3))]


def test_plain_c_equals_the_oracle() -> None:
    check(MODELS, target="cortex-m3")


@pytest.mark.parametrize(
    ("core", "optimize", "level"),
    [("cortex-m3", "speed", "-O2"), ("cortex-m0plus", "size", "-O0"), ("rv32", "size", "-Os")],
)
def test_emulated_cores_equal_the_oracle(core: str, optimize: str, level: str, tmp_path: Path) -> None:
    check_on_target(MODELS, core, tmp_path, optimize, level)


def test_sums_of_a_chunk_stay_within_21_bits() -> None:
    matrix = np.full((1, 3, 1000), 127, np.int8)
    chunk = packing.taps_at_once(matrix)
    assert chunk < 100
    assert chunk * 127 * 128 < 1 << 20
    matrix[:, :, 50:] = 0
    assert packing.taps_at_once(matrix) == 1000
    assert packing.taps_at_once(np.zeros((1, 1, 40_000), np.int8)) == 20_000  # 16 bits hold the number


def test_the_largest_sums_are_told_apart() -> None:
    builder = Builder(0)
    source = builder.input((1, 1, 3, 128))
    made = builder.conv(source, 4, (1, 1), per_channel=False, gain=0.02)  # so that no output is at its limit
    weights = builder.tensors[builder.operators[-1][1][1]].data
    weights[...] = np.array([127, -127, 127, -127], np.int8)[:, None, None, None]
    model = builder.build((source,), (made,))
    compiled = compile_tflite(model, name="net", target="cortex-m3")
    signs = np.array([[1, 1, 1], [-1, -1, -1], [1, -1, 1], [-1, 1, 1]])
    inputs = [
        [np.where(row > 0, 127, -128).astype(np.int8)[None, None, :, None].repeat(128, 3)] for row in signs
    ]
    for ours, theirs in zip(run_c([compiled], [inputs])[0], run_oracle(model, inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs[0].ravel())
        assert abs(ours.astype(int)).max() < 127


def test_four_channels_lie_together() -> None:
    matrix = np.arange(10, dtype=np.int8).reshape(1, 5, 2)
    assert packing.pack_fours(matrix).tolist() == [0, 2, 4, 6, 1, 3, 5, 7, 8, 0, 0, 0, 9, 0, 0, 0]


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3", "rv32"])
def test_every_core_without_simd_has_these_kernels(core: str) -> None:
    assert [kernels(one, core) for one in KINDS["depthwise_conv_2d"][:3]] == [
        ["depthwise_conv_2d.scalar"],
        ["depthwise_conv_2d_any.scalar"],
        ["conv_2d.scalar"],
    ]
