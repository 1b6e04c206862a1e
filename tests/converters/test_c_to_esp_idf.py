# SPDX-License-Identifier: Apache-2.0
"""The ESP-IDF component passes the component manager's check, compiles for RISC-V, and its example runs."""

import re

import pytest
from packages import cross_compile, readme_commands, run, run_on_stubs

from edgecnn.converters.package import Package, package_files

RISCV = "riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 --specs=picolibc.specs"  # an ESP32-C3


def test_the_component_registers_every_source(tiny: Package) -> None:
    files = package_files("esp-idf", tiny)
    [sources] = re.findall(r"SRCS (.*)", files["CMakeLists.txt"])
    assert set(sources.split()) == {name for name in files if name.startswith("src/")}


def test_the_example_depends_on_the_component_beside_it(tiny: Package) -> None:
    files = package_files("esp-idf", tiny)
    [path] = re.findall(r"override_path: (.*)", files["examples/demo/main/idf_component.yml"])
    assert path == "../../.."
    assert "  edgecnn_tiny:" in files["examples/demo/main/idf_component.yml"]


@pytest.mark.needs_tool("compote", pypi="idf-component-manager")
def test_the_component_manager_packs_it(unpacked, tmp_path) -> None:
    folder = unpacked("esp-idf")
    settings = {"IDF_TOOLS_PATH": str(tmp_path / "tools"), "IDF_COMPONENT_CHECK_NEW_VERSION": "0"}
    run("compote manifest lint", folder, **settings)
    run("compote component pack --name edgecnn_tiny --dest-dir ../packed", folder, **settings)
    names = [path.name for path in (tmp_path / "packed").iterdir()]
    assert "edgecnn_tiny_1.0.0.tgz" in names


@pytest.mark.needs_tool("g++", package="g++")
def test_the_example_prints_what_the_readme_says(unpacked, tiny: Package) -> None:
    folder = unpacked("esp-idf")
    assert run_on_stubs(folder, "examples/demo/main/main.c", "include").strip() == tiny.fields["serial"]


@pytest.mark.needs_tool("riscv64-unknown-elf-gcc", package="gcc-riscv64-unknown-elf")
def test_component_and_example_compile_for_risc_v(unpacked) -> None:
    folder = unpacked("esp-idf")
    sources = [*(f"src/tiny{part}.c" for part in ("", "_preprocess", "_test")), "examples/demo/main/main.c"]
    cross_compile(folder, f"{RISCV} -std=gnu11", sources, "include")


def test_the_readme_gives_one_command(unpacked) -> None:
    [command] = readme_commands(unpacked("esp-idf"))
    assert command.startswith("idf.py -C examples/demo ")
