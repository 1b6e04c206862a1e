# SPDX-License-Identifier: Apache-2.0
"""A sample of every op and whole networks on every target."""

from pathlib import Path

import networks
import pytest
from on_target import check_on_target
from tflite_builder import RELU, RELU6, SAME, Builder

from edgecnn.compiler.targets import TARGETS


def every_op(seed: int) -> bytes:
    """A network in which each op occurs."""
    builder = Builder(seed)
    source = builder.input((1, 13, 11, 3))
    at = builder.conv(source, 5, (3, 2), (2, 1), SAME, RELU, dead=1)
    at = builder.conv(builder.pad(at, 1, 0, 2, 1), 1, padding=SAME, activation=RELU6, depthwise=True)
    at = builder.pool(builder.conv(at, 4, (1, 1)), "MAX", (2, 2), (2, 2))
    at = builder.add(at, builder.unary("QUANTIZE", builder.unary("LOGISTIC", at)))
    at = builder.pool(at, "AVERAGE", (2, 2), (1, 1), SAME)
    _, rows, columns, channels = builder.tensors[at].shape
    at = builder.mean(at) if seed % 2 else builder.reshape(at, (1, columns, rows, channels))
    at = builder.fully_connected(builder.flatten(at), 6, per_channel=True)
    return builder.build((source,), (builder.unary("SOFTMAX", at),))


# Targets with kernels or compilers of their own; the others are in the slow tests.
FEW = ["cortex-m0plus", "cortex-m4", "cortex-m55", "rv32", "aarch64", "armv7", "x86-64", "wasm32"]
OTHERS = [name for name in TARGETS if name not in FEW and name != "c99"]
EVERY_TARGET = pytest.mark.parametrize(
    "target", [*FEW, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)


@EVERY_TARGET
def test_equal_to_the_oracle(tmp_path: Path, target: str) -> None:
    models = [every_op(0), every_op(1), networks.small(), networks.residual(8), networks.two_ends()]
    check_on_target(models, target, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_cainvas(tmp_path: Path, target: str) -> None:
    models = [networks.cainvas(), networks.cainvas(seed=1, dead=12), networks.cainvas(seed=2, dead=5)]
    check_on_target(models, target, tmp_path, "speed")
