# SPDX-License-Identifier: Apache-2.0
"""`--optimize size` is smaller than `speed`, whether operators that share a kernel are few or many."""

from collections.abc import Callable
from pathlib import Path

import networks
import pytest

from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.targets import TARGETS
from edgecnn.pipeline.verify.program import program
from edgecnn.runtime.emulated_core import EmulatedCore


def flash_bytes(model: bytes, target: str, optimize: str, folder: Path) -> int:
    """Compile a model as `verify` does, with -O2 for speed and -Os for size."""
    folder.mkdir()
    compiled = compile_tflite(model, name="net", target=target, optimize=optimize)
    compiled.write(folder)
    core = EmulatedCore(TARGETS[target], {"speed": "-O2", "size": "-Os"}[optimize])
    binary = core.build(program(compiled.model, folder, both_ways=False, pointer=4), folder)
    return binary.code_bytes + binary.const_bytes


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm")
@pytest.mark.parametrize(
    ("network", "target"),
    [
        (networks.cainvas, "cortex-m4"),
        (networks.cainvas, "cortex-m0plus"),
        (networks.small, "cortex-m4"),
        (networks.ds_cnn, "cortex-m4"),
        (networks.unet, "cortex-m4"),
        (networks.unet, "cortex-m55"),
    ],
)
def test_it_is_smaller(network: Callable[[], bytes], target: str, tmp_path: Path) -> None:
    speed, size = (
        flash_bytes(network(), target, optimize, tmp_path / optimize) for optimize in ("speed", "size")
    )
    assert size < speed


def test_a_kernel_is_shared_where_its_operators_are_many() -> None:
    few, many = (
        compile_tflite(model, name="net", optimize="size").source
        for model in (networks.small(), networks.unet())
    )
    assert "EDGECNN_INLINE_FEW void net_conv_2d(" in few
    assert "EDGECNN_INLINE void net_conv_2d(" in many
    speed = compile_tflite(networks.small(), name="net").source
    assert "EDGECNN_INLINE_FEW" not in speed
