# SPDX-License-Identifier: Apache-2.0
"""Runs models on a target, whatever runs its programs, and compares every byte with the NumPy references.

Those are held to the oracle by the tests of each op.
"""

from pathlib import Path

import numpy as np
import pytest
from generated_c import joined, random_inputs, run_numpy
from guard import guard

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.targets import Target, find_target
from edgecnn.pipeline.verify.program import program
from edgecnn.runtime.emulator import find_emulator, find_runner, has_emulator
from edgecnn.runtime.host_compiler import HostCompiler
from edgecnn.runtime.program import Program
from edgecnn.runtime.shared_library import cpu_features

LEVELS = {"size": "-Os", "speed": "-O2"}


def check_on_target(
    models: list[bytes], target: str, folder: Path, optimize: str = "size", level: str = ""
) -> None:
    """Run models as one program on a target, images whole and pushed; compare.

    `level` is the C compiler's, by default the one that goes with `optimize`.
    """
    row = find_target(target)
    inputs = [random_inputs(model, 2, seed) for seed, model in enumerate(models)]
    programs = []
    for number, model in enumerate(models):
        compiled = compile_tflite(model, name=f"net{number}", target=target, optimize=optimize)
        compiled.write(folder)
        guard(compiled.model, folder)
        programs.append(program(compiled.model, folder, both_ways=True, pointer=row.pointer))
    given = [b"".join(v.tobytes() for one in ones for v in one) for ones in zip(*inputs, strict=True)]
    made = run_program(joined(programs, folder), row, given, folder, level or LEVELS[optimize])
    expected = [run_numpy(model, ones) for model, ones in zip(models, inputs, strict=True)]
    for output, wanted in zip(made, zip(*expected, strict=True), strict=True):
        flat = b"".join(value.tobytes() for one in wanted for value in one)
        np.testing.assert_array_equal(np.frombuffer(output, np.int8), np.frombuffer(flat, np.int8))


def run_program(
    given: Program, row: Target, inputs: list[bytes], folder: Path, level: str = "-Os", sanitize: bool = True
) -> list[bytes]:
    """Return what a program makes of inputs on a target, wherever that can be run.

    Sanitizers are for targets that this machine runs itself.
    """
    if missing := set(row.features) - cpu_features():
        pytest.skip(f"this processor lacks {', '.join(missing)}")
    if row.native and not sanitize:
        return HostCompiler(flags=(level, *row.cflags)).run(given, inputs)
    if not has_emulator(row):
        return find_runner(row, level).run(given, inputs)
    emulator = find_emulator(row, level)
    return emulator.run(emulator.build(given, folder), inputs).outputs
