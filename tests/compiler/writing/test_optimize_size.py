# SPDX-License-Identifier: Apache-2.0
"""`--optimize size` is smaller than `speed`, whether operators that share a kernel are few or many."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import networks
import pytest

from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.targets import TARGETS

FLASH = (".text", ".rodata", ".srodata")


def flash_bytes(model: bytes, name: str, optimize: str, folder: Path) -> int:
    """Compile a model's C as `verify` does, with -O2 for speed and -Os for size, and add up its sections."""
    folder.mkdir()
    target, level = TARGETS[name], {"speed": "-O2", "size": "-Os"}[optimize]
    compile_tflite(model, name="net", target=name, optimize=optimize).write(folder)
    call = [target.cc, *target.cflags, "-std=c99", "-Wall", "-Wextra", "-Werror", level, "-c", "net.c"]
    subprocess.run(call, cwd=folder, check=True)
    size = [f"{target.cc.removesuffix('gcc')}size", "-A", "net.o"]
    listed = subprocess.run(size, cwd=folder, check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return sum(int(row[1]) for row in rows if row and row[0].startswith(FLASH))


@pytest.mark.needs_tool("gcc", package="gcc")
@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.needs_tool("riscv64-unknown-elf-gcc", package="gcc-riscv64-unknown-elf")
@pytest.mark.needs_tool("aarch64-linux-gnu-gcc", package="gcc-aarch64-linux-gnu")
@pytest.mark.parametrize(
    ("network", "target"),
    [
        (networks.cainvas, "cortex-m4"),
        (networks.cainvas, "cortex-m0plus"),
        (networks.cainvas, "rv32"),
        (networks.cainvas, "aarch64"),
        (networks.cainvas, "x86-64"),
        (networks.ds_cnn, "cortex-m4"),
        (networks.ds_cnn, "c99"),
        (networks.unet, "cortex-m4"),
        (networks.unet, "cortex-m55"),
        (networks.unet, "x86-64-vnni"),
    ],
)
def test_it_is_smaller(network: Callable[[], bytes], target: str, tmp_path: Path) -> None:
    model = network()
    speed, size = (
        flash_bytes(model, target, optimize, tmp_path / optimize) for optimize in ("speed", "size")
    )
    assert size < speed


def test_a_kernel_is_shared_where_its_operators_are_many() -> None:
    few, many = (
        compile_tflite(model, name="net", optimize="size").source
        for model in (networks.small(), networks.unet())
    )
    assert "EDGECNN_INLINE_ALWAYS void net_conv_2d(" in few
    assert "EDGECNN_INLINE void net_conv_2d(" in many
    for target in ("c99", "x86-64"):
        assert (
            "EDGECNN_INLINE_ALWAYS" not in compile_tflite(networks.small(), name="net", target=target).source
        )
