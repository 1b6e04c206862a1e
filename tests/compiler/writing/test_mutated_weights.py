# SPDX-License-Identifier: Apache-2.0
"""Whatever lies in a file of weights whose CRC is right, it is refused or runs without harm."""

import struct
from itertools import product
from pathlib import Path

import pytest
from every_op import networks_for_weights_apart

from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.targets import find_target
from edgecnn.compiler.writing.model import CModel
from edgecnn.runtime.emulator import find_emulator, find_runner, has_emulator
from edgecnn.runtime.host_compiler import HostCompiler, execute
from edgecnn.runtime.program import Program
from edgecnn.runtime.shared_library import cpu_features

pytestmark = pytest.mark.needs_tool("gcc", package="gcc")

COUNT = 100_000  # of all tests here together
EMULATED = 1_000  # of each that an emulator runs
BOARDS = 300
# Kernels of Cortex-M run here without their instructions: in C that computes the same.
CASES = [
    *(("c99", number) for number in range(len(networks_for_weights_apart()))),
    *product(("cortex-m3", "cortex-m4"), (0, 2, 4)),
    ("x86-64", 2),
]


def edges(model: CModel) -> str:
    """The C of a model's inputs and outputs, each apart so that AddressSanitizer tells them apart."""
    every = [*model.inputs, *model.outputs]
    memory = "".join(f"static {edge.ctype} {edge.name}[{edge.size}];\n" for edge in every)
    fill = " ".join(f"fill({edge.name}, sizeof {edge.name});" for edge in model.inputs)
    return f"{memory}#define INPUTS {fill}\n#define ARGUMENTS {', '.join(edge.name for edge in every)}\n"


def try_changes(
    number: int, core: str, folder: Path, compiler: HostCompiler, count: int, runner: tuple[str, ...] = ()
) -> None:
    """Run a network's C with `count` changed files of weights; compile and run it by what is given."""
    model = networks_for_weights_apart()[number]
    compiled = compile_tflite(model, name="net", target=core, weights_version=1)
    compiled.write(folder)
    (folder / "edges.h").write_text(edges(compiled.model))
    source, program = Path(__file__).parent / "mutated_weights.c", folder / "program"
    compiler.compile([source], program, [f"-I{folder}"])
    given = struct.pack("<II", count, 2463534242) + compiled.weights
    reasons = list(map(int, execute(program, given, 600, runner).split()))
    assert sum(reasons) == count
    accepted, out_of_range = reasons[0], reasons[7]
    assert min(accepted, out_of_range) > count // 50, reasons


@pytest.mark.parametrize(("core", "number"), CASES)
def test_no_change_of_the_weights_does_harm(core: str, number: int, tmp_path: Path) -> None:
    target = find_target(core)
    if not cpu_features().issuperset(target.features):
        pytest.skip(f"this processor lacks {' or '.join(target.features)}")
    flags = ("-O1", *(target.cflags if target.native else ()))
    try_changes(number, core, tmp_path, HostCompiler(sanitize=True, flags=flags), -(-COUNT // len(CASES)))


@pytest.mark.parametrize(("target", "number"), [*product(("aarch64", "armv7"), (0, 2, 4))])
def test_nor_to_kernels_that_an_emulator_runs(target: str, number: int, tmp_path: Path) -> None:
    """Without AddressSanitizer; what C leaves undefined traps."""
    row = find_target(target)
    assert row.emulator is not None
    traps = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
    compiler = HostCompiler(row.cc, flags=("-O1", "-static", *row.cflags, *traps))
    try_changes(number, target, tmp_path, compiler, EMULATED, (row.emulator[0],))


class Trapping(Program):
    """A program in which what C leaves undefined traps."""

    def flags(self) -> list[str]:
        undefined = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error", "-Wno-unused-function")
        return [*super().flags(), *undefined]


@pytest.mark.parametrize("target", ["cortex-m55", "wasm32"])
def test_nor_to_kernels_of_boards_and_browsers(target: str, tmp_path: Path) -> None:
    row = find_target(target)
    compiled = compile_tflite(networks_for_weights_apart()[2], name="net", target=target, weights_version=1)
    compiled.write(tmp_path)
    (tmp_path / "edges.h").write_text(edges(compiled.model))
    harness = (Path(__file__).parent / "mutated_weights.c").read_text()
    given = struct.pack("<II", BOARDS, 2463534242) + compiled.weights
    apart = tmp_path / "apart.c"  # all is in the harness, which sees what is static
    apart.write_text("typedef int nothing;\n")
    changed = Trapping((apart,), harness, len(given), 32, (tmp_path,))
    if has_emulator(row):
        emulator = find_emulator(row, "-O1")
        [output] = emulator.run(emulator.build(changed, tmp_path), [given]).outputs
    else:
        [output] = find_runner(row, "-O1").run(changed, [given])
    reasons = struct.unpack("<8I", output)
    assert sum(reasons) == BOARDS
    assert min(reasons[0], reasons[7]) > BOARDS // 50, reasons
