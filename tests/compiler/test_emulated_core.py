# SPDX-License-Identifier: Apache-2.0
"""A sample of every op and whole networks on emulated cores."""

from pathlib import Path

import networks
import numpy as np
import pytest
from generated_c import joined, random_inputs, run_oracle
from tflite_builder import RELU, RELU6, SAME, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.targets import TARGETS, find_target
from edgecnn.pipeline.verify import program
from edgecnn.runtime.emulated_core import EmulatedCore


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


pytestmark = [
    pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi"),
    pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm"),
]


def check_on_core(models: list[bytes], target: str, folder: Path, optimize: str) -> None:
    """Run models as one program on an emulated core, images whole and pushed; compare with the oracle."""
    inputs = [random_inputs(model, 2, seed) for seed, model in enumerate(models)]
    programs = []
    for number, model in enumerate(models):
        compiled = compile_tflite(model, name=f"net{number}", target=target, optimize=optimize)
        compiled.write(folder)
        programs.append(program(compiled.model, folder, both_ways=True, pointer=4))
    core = EmulatedCore(find_target(target), {"size": "-Os", "speed": "-O2"}[optimize])
    given = [b"".join(v.tobytes() for one in ones for v in one) for ones in zip(*inputs, strict=True)]
    result = core.run(core.build(joined(programs, folder), folder), given)
    expected = [run_oracle(model, ones) for model, ones in zip(models, inputs, strict=True)]
    for output, wanted in zip(result.outputs, zip(*expected, strict=True), strict=True):
        flat = np.concatenate([value.ravel() for one in wanted for value in one])
        np.testing.assert_array_equal(np.frombuffer(output, np.int8), flat)


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus"])
def test_equal_to_the_oracle(tmp_path: Path, target: str) -> None:
    models = [every_op(0), every_op(1), networks.small(), networks.residual(8), networks.two_ends()]
    check_on_core(models, target, tmp_path, "size")


@pytest.mark.slow
@pytest.mark.parametrize("target", [name for name, target in TARGETS.items() if target.board])
def test_cainvas_on_every_core(tmp_path: Path, target: str) -> None:
    models = [networks.cainvas(), networks.cainvas(seed=1, dead=12), networks.cainvas(seed=2, dead=5)]
    check_on_core(models, target, tmp_path, "speed")
