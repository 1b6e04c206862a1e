# SPDX-License-Identifier: Apache-2.0
"""The C is timed here where there is a compiler, and counted on a core where there are its tools."""

from pathlib import Path

import pytest

from edgecnn.compiler.compile import compile_tflite
from edgecnn.pipeline.device_costs import device_costs, latency_of_c, measured_footprint

ASSETS = Path(__file__).parents[1] / "assets"
INT8 = ASSETS / "tiny_int8.tflite"


@pytest.mark.needs_tool("gcc", package="gcc")
def test_the_c_is_timed_and_floats_are_not() -> None:
    assert (latency_of_c(INT8) or 0) > 0
    assert latency_of_c(ASSETS / "tiny_float32.tflite") is None


def test_without_tools_nothing_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert latency_of_c(INT8) is None
    assert measured_footprint(compile_tflite(INT8, name="m", target="cortex-m4")) is None
    costs = device_costs(INT8, "cortex-m4")
    assert costs is not None
    assert not costs.instructions.measured


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm")
def test_what_is_measured_is_what_is_shown() -> None:
    costs = device_costs(INT8, "cortex-m4")
    measured = measured_footprint(compile_tflite(INT8, name="m", target="cortex-m4"))
    assert costs is not None
    assert measured is not None
    assert measured.error is None
    assert (measured.instructions, measured.macs) == (costs.instructions.count, costs.macs)
    assert measured.const_bytes + measured.code_bytes == costs.const_bytes + costs.code_bytes
