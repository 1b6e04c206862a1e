# SPDX-License-Identifier: Apache-2.0
"""The kernels for WebAssembly's vectors, and the plain C beside them: the reference kernels' bytes."""

from pathlib import Path
from typing import Any

import pytest
from generated_c import check
from on_target import check_on_target
from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

# Input shape, then what Builder.conv takes: filters, size, stride, padding, activation, dilation, ...
CONVOLUTIONS = [
    ((1, 5, 7, 8), 6, (3, 3), (1, 1), SAME, RELU),
    ((1, 5, 8, 3), 17, (3, 3), (2, 2), SAME, RELU6),  # taps and channels fill no vector
    ((1, 4, 1, 8), 8, (1, 1)),  # a single column
    ((1, 3, 4, 5), 9, (1, 1), (1, 1), VALID, RELU),
    ((1, 9, 9, 4), 4, (3, 3), (1, 1), SAME, NONE, (2, 2)),
    ((1, 4, 6, 4), 4, (2, 3), (1, 1), SAME, NONE, (1, 1), True, True, 0, False, 40.0),  # left shifts
]
DEPTHWISE = [
    ((1, 5, 7, 8), 1, (3, 3), (1, 1), SAME, RELU6),
    ((1, 6, 9, 13), 1, (3, 3), (2, 2), SAME, RELU),  # channels fill no vector
    ((1, 9, 10, 24), 1, (2, 4), (1, 1), SAME, NONE, (2, 2)),
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


def pooled(seed: int, shape: tuple[int, ...], channels: int, pool: tuple[int, int]) -> bytes:
    builder = Builder(seed)
    source = builder.input(shape)
    made = builder.conv(source, channels, padding=SAME, activation=RELU)
    return builder.build((source,), (builder.pool(made, "MAX", pool, pool),))


def columns_between() -> bytes:
    builder = Builder(9)
    source = builder.input((1, 9, 13, 8))
    between = builder.conv(source, 1, padding=SAME, activation=RELU6, depthwise=True)
    return builder.build((source,), (builder.conv(between, 5, (1, 1)),))


MODELS = [
    *(model(shape, i, *rest) for i, (shape, *rest) in enumerate(CONVOLUTIONS)),
    *(model(shape, i, *rest, depthwise=True) for i, (shape, *rest) in enumerate(DEPTHWISE)),
    *(pooled(i, *case) for i, case in enumerate(POOLED)),
    columns_between(),
]


def test_plain_c_equals_the_oracle() -> None:
    kernels = [one.model.schedule.network.steps[1].kernel for one in check(MODELS, target="wasm32")]
    assert kernels[: len(CONVOLUTIONS) + 3] == [
        *["conv_2d.simd128"] * len(CONVOLUTIONS),
        *["depthwise_conv_2d.simd128"] * 3,
    ]
    assert kernels[len(CONVOLUTIONS) + 3 :] == [
        *["depthwise_conv_2d"] * 2,
        *["conv_2d.simd128"] * (len(POOLED) + 1),
    ]


@pytest.mark.needs_tool("node", package="nodejs")
@pytest.mark.needs_tool("wasm-ld", package="lld")
def test_vectors_equal_the_oracle(tmp_path: Path) -> None:
    check_on_target(MODELS, "wasm32", tmp_path)
