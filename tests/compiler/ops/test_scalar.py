# SPDX-License-Identifier: Apache-2.0
"""The kernels for cores without SIMD, in assembly and in plain C: the bytes of TFLite's reference kernels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import check, operands, run_c, run_oracle
from on_target import check_on_target
from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler import compile_tflite, scalar

# Input shape, then what Builder.conv takes: filters, size, stride, padding, activation, dilation, ...
CONVOLUTIONS = [
    ((1, 5, 7, 8), 6, (3, 3), (1, 1), SAME, RELU),
    ((1, 5, 8, 12), 9, (3, 3), (2, 2), SAME),
    ((1, 6, 10, 1), 8, (3, 3), (1, 1), SAME, RELU),
    ((1, 6, 10, 3), 7, (3, 3), (2, 2), SAME, RELU6),
    ((1, 4, 1, 8), 4, (1, 1)),  # a single column
    ((1, 3, 2, 20), 3, (1, 1)),
    ((1, 3, 4, 5), 9, (1, 1), (1, 1), VALID, RELU),
    ((1, 9, 9, 4), 4, (3, 3), (1, 1), SAME, NONE, (2, 2)),
    ((1, 3, 4, 160), 4, (3, 3), (1, 1), SAME, RELU),  # several chunks, the filter row by row
    ((1, 2, 4, 300), 40, (1, 1)),  # and at once
    ((1, 4, 6, 4), 4, (2, 3), (1, 1), SAME, NONE, (1, 1), True, True, 0, False, 40.0),  # left shifts
]
POOLED = [  # input shape, channels, pool
    ((1, 8, 9, 4), 6, (2, 2)),
    ((1, 10, 12, 3), 5, (3, 3)),
    ((1, 11, 12, 4), 4, (4, 5)),
    ((1, 8, 9, 4), 4, (1, 3)),
    ((1, 8, 9, 1), 4, (3, 1)),
    ((1, 4, 8, 100), 3, (2, 2)),
]
DEPTHWISE = [
    ((1, 5, 7, 8), 1, (3, 3), (1, 1), SAME, RELU6),
    ((1, 6, 31, 5), 1, (3, 3), (1, 1), SAME, RELU),
    ((1, 7, 20, 2), 1, (3, 3), (2, 2), SAME),
    ((1, 4, 6, 35), 1, (3, 3), (1, 1), SAME, RELU6),  # many channels: tiles of some
    ((1, 6, 9, 32), 1, (3, 2), (2, 2), SAME),
    ((1, 7, 9, 4), 1, (3, 3), (2, 2), VALID),
    ((1, 3, 3, 4), 1, (3, 3)),
    ((1, 6, 9, 1), 6, (3, 3), (2, 2), SAME, RELU6),  # one channel: a convolution
    ((1, 5, 6, 4), 2, (3, 3), (1, 1), SAME),  # portable
    ((1, 8, 17, 5), 1, (5, 5), (1, 1), SAME, RELU),  # any window
    ((1, 9, 10, 4), 1, (3, 3), (3, 3), SAME, RELU6),
    ((1, 9, 10, 4), 1, (2, 4), (1, 1), SAME, NONE, (2, 2)),
    ((1, 6, 6, 4), 1, (3, 3), (1, 1), SAME, NONE, (1, 1), True, True, 0, True, 40.0),  # left shifts
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
    ((1, 7, 5, 4), (7, 5), (1, 1)),
    ((1, 6, 4, 6), (2, 2), (2, 2)),  # portable
]
DENSE = [
    ((1, 7), 3),
    ((1, 300), 10, RELU),
    ((1, 3, 5, 3), 5, RELU6, True),
    ((1, 64), 1),
]


def model(make: Any, shape: tuple[int, ...], seed: int) -> bytes:
    builder = Builder(seed)
    source = builder.input(shape, *((0.02, -11) if seed % 2 else ()))
    return builder.build((source,), (make(builder, source),))


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


def dense(builder: Builder, source: int, *arguments: Any) -> int:
    flat = builder.flatten(source) if len(builder.tensors[source].shape) == 4 else source
    return builder.fully_connected(flat, *arguments)


def mobile(builder: Builder, source: int) -> int:
    """What keeps some columns between a depthwise and a 1x1 convolution, then adds."""
    at = builder.conv(source, 8, (3, 3), (1, 1), SAME, RELU6)
    made = builder.conv(depthwise(builder, at, 1, (3, 3), (1, 1), SAME, RELU6), 8, (1, 1), padding=SAME)
    at = builder.add(at, made, RELU)
    return builder.mean(builder.conv(depthwise(builder, at, 1, (3, 3), (2, 2), SAME), 12, (1, 1)))


KINDS = (
    (Builder.conv, CONVOLUTIONS),
    (pooled, POOLED),
    (depthwise, DEPTHWISE),
    (max_pool, POOLS),
    (average_pool, AVERAGES),
    (dense, DENSE),
    (mobile, [((1, 9, width, 3),) for width in (1, 7, 29)]),
)
MODELS = [
    model(lambda b, s, make=make, a=arguments: make(b, s, *a), shape, i)
    for make, cases in KINDS
    for i, (shape, *arguments) in enumerate(cases)
]
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
    chunk = scalar.taps_at_once(matrix)
    assert chunk < 100
    assert chunk * 127 * 128 < 1 << 20
    matrix[:, :, 50:] = 0
    assert scalar.taps_at_once(matrix) == 1000
    assert scalar.taps_at_once(np.zeros((1, 1, 40_000), np.int8)) == 20_000  # 16 bits hold the number


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
    assert scalar.pack_fours(matrix).tolist() == [0, 2, 4, 6, 1, 3, 5, 7, 8, 0, 0, 0, 9, 0, 0, 0]


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3", "rv32"])
def test_every_core_without_simd_has_these_kernels(core: str) -> None:
    plan = compile_tflite(MODELS[0], name="net", target=core).plan
    assert [step["kernel"] for step in plan["steps"][1:]] == ["conv_2d.scalar"]
