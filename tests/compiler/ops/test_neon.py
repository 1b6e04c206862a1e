# SPDX-License-Identifier: Apache-2.0
"""The kernels for NEON: the reference kernels' bytes, in the plain C beside them and on emulated cores."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import check
from on_target import check_on_target
from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler import compile_tflite

# Input shape, then what Builder.conv takes: filters, size, stride, padding, activation, dilation, ...
CONVOLUTIONS = [
    ((1, 5, 7, 8), 6, (3, 3), (1, 1), SAME, RELU),
    ((1, 5, 8, 3), 17, (3, 3), (2, 2), SAME, RELU6),  # taps and channels fill no vector
    ((1, 4, 1, 8), 8, (1, 1)),  # a single column
    ((1, 3, 4, 5), 9, (1, 1), (1, 1), VALID, RELU),
    ((1, 4, 5, 32), 8, (1, 1)),  # taps that are read where they lie
    ((1, 9, 9, 4), 4, (3, 3), (1, 1), SAME, NONE, (2, 2)),
    ((1, 4, 6, 4), 4, (2, 3), (1, 1), SAME, NONE, (1, 1), True, True, 0, False, 40.0),  # left shifts
]
DEPTHWISE = [
    ((1, 5, 7, 8), 1, (3, 3), (1, 1), SAME, RELU6),
    ((1, 6, 9, 13), 1, (3, 3), (2, 2), SAME, RELU),  # channels fill no vector
    ((1, 9, 10, 24), 1, (2, 4), (1, 1), SAME, NONE, (2, 2)),
    ((1, 7, 9, 1), 6, (3, 3), (2, 2), SAME, RELU6),  # one channel
    ((1, 5, 6, 4), 1, (3, 3), (1, 1), SAME),  # portable
    ((1, 5, 6, 8), 2, (3, 3), (1, 1), SAME),  # portable
]
POOLED = [  # input shape, channels, pool
    ((1, 8, 9, 4), 6, (2, 2)),
    ((1, 10, 12, 3), 9, (3, 3)),
    ((1, 11, 12, 4), 8, (4, 5)),
]


def model(shape: tuple[int, ...], seed: int, *arguments: Any, depthwise: bool = False) -> bytes:
    builder = Builder(seed)
    source = builder.input(shape, *((0.02, -11) if seed % 2 else ()))
    if depthwise:
        defaults = (1, (3, 3), (1, 1), VALID, NONE, (1, 1), True, True, 0)
        arguments = (*arguments, *defaults[len(arguments) :], True)
    return builder.build((source,), (builder.conv(source, *arguments),))


def convolutions() -> list[bytes]:
    return [model(shape, i, *rest) for i, (shape, *rest) in enumerate(CONVOLUTIONS)]


def depthwise() -> list[bytes]:
    return [model(shape, i, *rest, depthwise=True) for i, (shape, *rest) in enumerate(DEPTHWISE)]


def others() -> list[bytes]:
    """Fused pools, columns between two convolutions, and fully connected layers."""
    models = []
    for seed, (shape, channels, pool) in enumerate(POOLED):
        builder = Builder(seed)
        source = builder.input(shape)
        made = builder.conv(source, channels, padding=SAME, activation=RELU)
        models.append(builder.build((source,), (builder.pool(made, "MAX", pool, pool),)))
    builder = Builder(9)
    source = builder.input((1, 9, 13, 8))
    between = builder.conv(source, 1, padding=SAME, activation=RELU6, depthwise=True)
    at = builder.flatten(builder.conv(between, 5, (1, 1)))
    return [*models, builder.build((source,), (builder.fully_connected(builder.fully_connected(at, 9), 3),))]


def kernels(model: bytes) -> set[str]:
    steps = compile_tflite(model, name="net", target="aarch64").model.schedule.network.steps
    return {one.kernel for step in steps for one in (step, step.before) if one is not None} - {"input"}


def test_the_kernels_are_taken() -> None:
    assert [kernels(one) for one in convolutions()] == [{"conv_2d.neon"}] * len(CONVOLUTIONS)
    assert [kernels(one) for one in depthwise()[:3]] == [{"depthwise_conv_2d.neon"}] * 3
    assert [kernels(one) for one in depthwise()[3:]] == [
        {"conv_2d.neon"},
        *[{"depthwise_conv_2d"}] * 2,
    ]
    assert kernels(others()[-1]) == {"conv_2d.neon", "depthwise_conv_2d.neon", "fully_connected.neon"}


def test_a_weight_of_minus_128_is_left_to_the_portable_kernel() -> None:
    for op, shape in (("conv_2d", (1, 4, 5, 3)), ("depthwise_conv_2d", (1, 4, 5, 8))):
        builder = Builder()
        source = builder.input(shape)
        made = builder.conv(source, 1, depthwise=op == "depthwise_conv_2d")
        weights = builder.tensors[builder.operators[-1][1][1]].data
        weights[...] = np.where(weights == weights.max(), -128, weights)
        assert kernels(builder.build((source,), (made,))) == {op}


@pytest.mark.parametrize("models", [convolutions, depthwise, others])
def test_in_plain_c(models) -> None:  # type: ignore[no-untyped-def]
    check(models(), target="aarch64")


@pytest.mark.parametrize("target", ["aarch64", "armv7"])
def test_on_emulated_cores(target: str, tmp_path: Path) -> None:
    check_on_target([*convolutions(), *depthwise(), *others()], target, tmp_path)
