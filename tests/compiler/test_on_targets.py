# SPDX-License-Identifier: Apache-2.0
"""Every op and whole networks on every target."""

from pathlib import Path

import networks
import pytest
from every_op import networks_of_every_op
from on_target import check_on_target

from edgecnn.compiler import supported_ops
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.targets import TARGETS

# Targets with kernels or compilers of their own; the others are in the slow tests.
FEW = ["cortex-m4", "cortex-m55", "rv32", "aarch64", "armv7", "x86-64", "wasm32"]
OTHERS = [name for name in TARGETS if name not in FEW and name != "c99"]
EVERY_TARGET = pytest.mark.parametrize(
    "target", [*FEW, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)


def test_networks_have_every_op() -> None:
    found = {operator.op for model in networks_of_every_op() for operator in parse(model).operators}
    assert found == set(supported_ops()) - {"DEQUANTIZE"}


@EVERY_TARGET
def test_every_op(tmp_path: Path, target: str) -> None:
    check_on_target([*networks_of_every_op(), networks.residual(8)], target, tmp_path)


@pytest.mark.slow(seconds=110)
@pytest.mark.parametrize("target", TARGETS)
def test_cainvas(tmp_path: Path, target: str) -> None:
    models = [networks.cainvas(), networks.cainvas(seed=1, dead=12), networks.cainvas(seed=2, dead=5)]
    if TARGETS[target].native:  # under sanitizers, which make GCC take thrice as long at -O2 as at -O1
        check_on_target(models[1:], target, tmp_path, "speed", "-O1")
        models = models[:1]
    check_on_target(models, target, tmp_path, "speed")
