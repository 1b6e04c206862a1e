# SPDX-License-Identifier: Apache-2.0
"""What the C of a run's int8 models takes on a core, measured in an emulator or estimated, and here."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.compiler.instructions import estimate
from edgecnn.compiler.targets import find_target
from edgecnn.compression.footprint import Footprint
from edgecnn.errors import EdgecnnError, ModelError
from edgecnn.evaluation.measurement import measure_latency
from edgecnn.evaluation.results import Instructions
from edgecnn.pipeline.shared import best_target, build_shared
from edgecnn.pipeline.verify.program import program
from edgecnn.runtime.emulator import LEVELS, find_emulator
from edgecnn.runtime.isolation import call_isolated
from edgecnn.runtime.shared_library import SharedLibrary

CORE = "cortex-m4"  # whose figures are shown of a run that names no other
_MOST_MEASURED = 200_000_000  # instructions, which take an emulator some seconds
_WARMUP, _RUNS = 20, 100  # inferences, by which the C is timed


@dataclass(frozen=True)
class DeviceCosts:
    """Figures of `evaluation.results.Costs`."""

    macs: int
    const_bytes: int
    code_bytes: int
    arena_bytes: int
    arena_bytes_whole: int
    instructions: Instructions


def device_costs(path: Path, target: str) -> DeviceCosts | None:
    """Return what an int8 .tflite takes on a target as C; None where it can't be compiled.

    Raises:
        EdgecnnError: nothing is known of the target's instructions.
    """
    try:
        compiled = compile_tflite(path, name="model", target=target)
    except ModelError:
        return None
    plan, told = compiled.plan, estimate(compiled.model.graph, compiled.model.schedule, target)
    code, const = told.code_bytes, plan["weight_bytes"] + told.const_bytes
    instructions = Instructions(target, told.instructions, measured=False)
    if told.instructions <= _MOST_MEASURED and (measured := _measured(compiled)):
        code, const, count = measured
        instructions = Instructions(target, count, measured=True)
    return DeviceCosts(
        plan["macs"], const, code, plan["arena_bytes"], plan["arena_bytes_whole"], instructions
    )


def latency_of_c(path: Path) -> float | None:
    """Return the median of the microseconds that the C of a .tflite takes on this machine, on one thread.

    None where it can't be compiled, or there is no compiler.
    """
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as name:
        try:
            compiled = compile_tflite(path, name="model", target=best_target().name)
            return call_isolated(_median_latency, build_shared(compiled, Path(name))[-1])
        except EdgecnnError:
            return None


def _median_latency(library: Path) -> float:
    model = SharedLibrary(library)
    values = np.zeros(model.input.shape, model.input.dtype)
    return measure_latency(lambda count: model.time(values, count), warmup=_WARMUP, runs=_RUNS).median


def measured_footprint(compiled: CompiledModel) -> Footprint | None:
    """Return what a network takes by its target's compiler and emulator; None where they are not at hand."""
    plan, measured = compiled.plan, _measured(compiled)
    if measured is None:
        return None
    code, const, count = measured
    return Footprint(plan["macs"], const, code, plan["arena_bytes"], count, None)


def _measured(compiled: CompiledModel) -> tuple[int, int, int] | None:
    """Return bytes of code and of constants, and instructions; None without tools, or beyond the board."""
    target = find_target(compiled.model.target)
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as name:
        folder = Path(name)
        compiled.write(folder)
        built = program(compiled.model, folder, both_ways=False, pointer=target.pointer)
        try:
            emulator = find_emulator(target, LEVELS[compiled.model.optimize])
            binary = emulator.build(built, folder)
            counts = emulator.run(binary, [bytes(built.input_bytes)]).instructions or []
        except EdgecnnError:
            return None
    return (binary.code_bytes, binary.const_bytes, max(counts)) if counts else None
