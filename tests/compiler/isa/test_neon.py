# SPDX-License-Identifier: Apache-2.0
"""The kernels for NEON: the reference kernels' bytes, in the plain C beside them and on emulated cores."""

from pathlib import Path

import numpy as np
import pytest
from generated_c import check
from kernel_cases import kernel_models, kernels, over_int4
from on_target import check_on_target
from tflite_builder import NONE, RELU, RELU6, SAME, Builder

MODELS = kernel_models(
    {
        "conv_2d": [
            ((1, 5, 8, 3), 17, (3, 3), (2, 2), SAME, RELU6),  # taps and channels fill no vector
            ((1, 4, 1, 8), 8, (1, 1)),
            ((1, 9, 13, 8), 5, (1, 1)),
            ((1, 4, 5, 32), 8, (1, 1)),  # taps that are read where they lie
        ],
        "depthwise_conv_2d": [
            ((1, 6, 9, 13), 1, (3, 3), (2, 2), SAME, RELU),  # channels fill no vector
            ((1, 9, 10, 24), 1, (2, 4), (1, 1), SAME, NONE, (2, 2)),
            ((1, 7, 9, 1), 6, (3, 3), (2, 2), SAME, RELU6),  # one channel
            ((1, 5, 6, 4), 1, (3, 3), (1, 1), SAME),  # portable
            ((1, 5, 6, 8), 2, (3, 3), (1, 1), SAME),  # portable
        ],
        "pooled": [((1, 10, 12, 3), 9, (3, 3)), ((1, 11, 12, 4), 8, (4, 5))],
        "fully_connected": [((1, 9, 13, 5), 9), ((1, 9), 3)],
        "columns": [((1, 9, 13, 3),)],
    }
)

MODELS["s8w4"] = over_int4(MODELS, least=-7)


def test_the_kernels_are_taken() -> None:
    made = {kind: [kernels(one, "aarch64") for one in of_kind] for kind, of_kind in MODELS.items()}
    assert made["conv_2d"] == [["conv_2d.neon"]] * len(MODELS["conv_2d"])
    assert made["depthwise_conv_2d"] == [
        ["depthwise_conv_2d.neon"],
        ["depthwise_conv_2d"],
        ["conv_2d.neon"],
        *[["depthwise_conv_2d"]] * 2,
        *[["depthwise_conv_2d.neon"]] * 2,
        ["conv_2d.neon"],
        *[["depthwise_conv_2d"]] * 2,
    ]
    assert made["fully_connected"][0] == ["fully_connected.neon"]
    assert {"conv_2d.neon", "depthwise_conv_2d.neon"} < set(made["columns"][0])


def test_weights_of_four_bits_have_a_kernel_of_their_own_but_for_minus_8() -> None:
    made = [kernels(one, "aarch64") for one in MODELS["s8w4"]]
    assert made[: len(MODELS["conv_2d"])] == [["conv_2d.s8w4.neon"]] * len(MODELS["conv_2d"])
    [lowest] = over_int4({"conv_2d": MODELS["conv_2d"][:1]})
    assert kernels(lowest, "aarch64") == ["conv_2d.neon"]


def test_a_weight_of_minus_128_is_left_to_the_portable_kernel() -> None:
    for op, shape in (("conv_2d", (1, 4, 5, 3)), ("depthwise_conv_2d", (1, 4, 5, 8))):
        builder = Builder()
        source = builder.input(shape)
        made = builder.conv(source, 1, depthwise=op == "depthwise_conv_2d")
        weights = builder.tensors[builder.operators[-1][1][1]].data
        weights[...] = np.where(weights == weights.max(), -128, weights)
        assert kernels(builder.build((source,), (made,)), "aarch64") == [op]


@pytest.mark.parametrize("kind", MODELS)
def test_in_plain_c(kind: str) -> None:
    check(MODELS[kind], target="aarch64")


@pytest.mark.parametrize("target", ["aarch64", "armv7"])
def test_on_emulated_cores(target: str, tmp_path: Path) -> None:
    check_on_target([one for of_kind in MODELS.values() for one in of_kind], target, tmp_path)
