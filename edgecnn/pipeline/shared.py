# SPDX-License-Identifier: Apache-2.0
"""Builds the C of a model as a shared library of this machine."""

from pathlib import Path

from edgecnn.compiler.compile import CompiledModel
from edgecnn.compiler.targets import TARGETS, Target, find_target
from edgecnn.compiler.writing.shared import shared_text
from edgecnn.errors import EdgecnnError
from edgecnn.files import replacing, write_text
from edgecnn.runtime.host_compiler import HostCompiler
from edgecnn.runtime.shared_library import cpu_features


def build_shared(compiled: CompiledModel, folder: Path) -> list[Path]:
    """Write the C, NAME_shared.c and NAME.so into `folder`, and return their paths, the library last.

    Raises:
        EdgecnnError: the target is of another machine, or the model has several inputs or outputs.
        MissingToolError: there is no C compiler.
    """
    name, target = compiled.model.name, find_target(compiled.model.target)
    if not target.native:
        natives = ", ".join(row.name for row in TARGETS.values() if row.native)
        raise EdgecnnError(
            f"target {target.name} is of another machine; a shared library can be built for {natives}"
        )
    text, source, library = shared_text(compiled.model), folder / f"{name}_shared.c", folder / f"{name}.so"
    files = compiled.write(folder)
    write_text(source, text)
    with replacing(library) as temporary:
        # Beside kernels written for the target, what is portable gains from vectorized loops.
        HostCompiler(target.cc, flags=("-O3", *target.cflags)).compile(
            [folder / f"{name}.c", source], temporary
        )
    return [*files, source, library]


def best_target() -> Target:
    """Return the row of the fastest kernels that run on this machine: the last whose features it has."""
    features = cpu_features()
    rows = [row for row in TARGETS.values() if row.native and features.issuperset(row.features)]
    return max(rows, key=lambda row: len(row.features))
