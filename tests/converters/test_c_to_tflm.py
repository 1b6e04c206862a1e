# SPDX-License-Identifier: Apache-2.0
"""The TFLM package builds by its README's command, and the example against a stand-in for TFLM."""

from pathlib import Path

import networks
import pytest
from packages import STUBS, WARNINGS, readme_commands, run

from edgecnn.compiler.inspect import register_ops
from edgecnn.compiler.reading.tflite import parse
from edgecnn.converters.c_to_tflm import arena_bytes
from edgecnn.converters.package import Package, package_files

TINY = (Path(__file__).parents[1] / "assets" / "tiny_int8.tflite").read_bytes()

# "Arena allocation total" by the RecordingMicroAllocator of tflite-micro 0.dev20261023182759, x86-64.
MEASURED = {"tiny": 2304, "cainvas": 158048, "small": 2928, "residual": 9808}


@pytest.mark.parametrize("model", MEASURED)
def test_the_arena_is_enough_and_not_much_more(model: str) -> None:
    bound = arena_bytes(parse(TINY if model == "tiny" else getattr(networks, model)()))
    assert MEASURED[model] <= bound <= 1.2 * MEASURED[model] + 2048


def test_every_op_is_registered(tiny: Package) -> None:
    header = package_files("tflm", tiny)["include/tiny_ops.h"]
    assert all(line in header for line in register_ops(tiny.graph))


@pytest.mark.needs_tool("cmake", package="cmake")
@pytest.mark.needs_tool("g++", package="g++")
def test_the_command_of_the_readme_builds_the_library(unpacked) -> None:
    folder = unpacked("tflm")
    [command] = readme_commands(folder)
    run(command, folder)
    assert (folder / "build" / "libtiny.a").exists()


@pytest.mark.needs_tool("g++", package="g++")
def test_the_example_is_cpp_and_finds_the_bytes_of_a_wrong_interpreter(unpacked, tiny: Package) -> None:
    folder = unpacked("tflm")
    run(f"gcc -std=c99 {WARNINGS} -Iinclude -c src/*.c", folder)
    run(f"g++ -std=c++17 {WARNINGS} -Iinclude -I{STUBS} example/main.cc *.o -o demo", folder)
    printed = run("./demo || true", folder).splitlines()
    zeros = bytes(3).hex()
    assert [line.split()[7] for line in printed[:3]] == [zeros] * 3  # the stand-in answers with zeros
    assert printed[3] == "edgecnn-test 1 tiny 75eeb1a8 wrong 9"
    assert printed[4:] == ["picture: class 0", "output 0 0 0"]
