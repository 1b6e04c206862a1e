# SPDX-License-Identifier: Apache-2.0
"""Instructions are estimated for every emulated core, near to what an emulator counts."""

from pathlib import Path

import numpy as np
import pytest

from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.instructions import estimate, factors, terms
from edgecnn.compiler.targets import TARGETS
from edgecnn.converters.keras_to_tflite import keras_to_int8
from edgecnn.errors import EdgecnnError
from edgecnn.models import architecture
from edgecnn.pipeline.verify.program import program
from edgecnn.runtime.emulated_core import EmulatedCore
from edgecnn.tf import make_repeatable


@pytest.mark.parametrize("core", [name for name, target in TARGETS.items() if target.board])
def test_every_emulated_core_has_factors_and_their_error(core: str) -> None:
    table = factors(core)
    assert table["error"] == pytest.approx(np.mean(np.abs(list(table["errors"].values()))), abs=1e-4)
    assert table["error"] <= (0.14 if core == "cortex-m55" else 0.05)
    count = len(terms(1, 1, 1, 1, 1))
    assert all(len(values) == count and min(values) >= 0 for values in table["ops"].values())


def test_of_other_targets_nothing_is_known() -> None:
    with pytest.raises(
        EdgecnnError, match=r"instructions on wasm32 can't be estimated; choose one of cortex-"
    ):
        factors("wasm32")


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm")
def test_an_estimate_is_near_to_what_the_emulator_counts(tmp_path: Path) -> None:
    make_repeatable(1)
    model = architecture("cainvas").build((48, 48, 1), 3, 0.3)
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 1)).astype(np.uint8)
    compiled = compile_tflite(keras_to_int8(model, images), name="network", target="cortex-m4")
    compiled.write(tmp_path)
    core = EmulatedCore(TARGETS["cortex-m4"])
    binary = core.build(program(compiled.model, tmp_path, both_ways=False, pointer=4), tmp_path)
    [counted] = core.run(binary, [bytes(48 * 48)]).instructions or []
    told = estimate(compiled.model.graph, compiled.model.schedule, "cortex-m4")
    assert told.instructions == pytest.approx(counted, rel=0.1)
    assert told.code_bytes == pytest.approx(binary.code_bytes, rel=0.3)
    const = compiled.plan["weight_bytes"] + told.const_bytes
    assert const == pytest.approx(binary.const_bytes, rel=0.05)
