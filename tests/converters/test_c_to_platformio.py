# SPDX-License-Identifier: Apache-2.0
"""The PlatformIO library passes PlatformIO's own check, and its example runs."""

import configparser
import json

import pytest
from packages import cross_compile, readme_commands, run, run_on_stubs

from edgecnn.converters.package import Package, package_files


def test_the_manifest_names_files_that_are_there(tiny: Package) -> None:
    files = package_files("platformio", tiny)
    manifest = json.loads(files["library.json"])
    assert {f"src/{header}" for header in manifest["headers"]} <= set(files)
    [example] = manifest["examples"]
    assert {f"{example['base']}/{name}" for name in example["files"]} <= set(files)


def test_the_project_of_the_example_is_complete(tiny: Package) -> None:
    project = configparser.ConfigParser()
    project.read_string(package_files("platformio", tiny)["examples/demo/platformio.ini"])
    boards = {name for name in project.sections() if name.startswith("env:")}
    assert f"env:{project['platformio']['default_envs']}" in boards
    assert all({"platform", "board"} <= set(project[name]) for name in boards)


@pytest.mark.needs_tool("pio", pypi="platformio")
def test_platformio_packs_it(unpacked, tmp_path) -> None:
    folder = unpacked("platformio")
    check = "pio pkg pack --output ../library.tar.gz 2>&1 || true"
    said = run(check, folder, PLATFORMIO_CORE_DIR=str(tmp_path), PLATFORMIO_SETTING_ENABLE_TELEMETRY="no")
    # It looks licences up in a list on the net; where there is none, all the rest has been checked before.
    without_net = "Invalid manifest fields: {'license': ['Could not load SPDX licenses for validation']}"
    assert "Wrote a tarball" in said or without_net in said


@pytest.mark.needs_tool("g++", package="g++")
def test_the_example_prints_what_the_readme_says(unpacked, tiny: Package) -> None:
    folder = unpacked("platformio")
    assert run_on_stubs(folder, "examples/demo/src/main.cpp").strip() == tiny.fields["serial"]


@pytest.mark.needs_tool("arm-none-eabi-g++", package="gcc-arm-none-eabi")
def test_the_example_compiles_for_a_board(unpacked) -> None:
    compiler = "arm-none-eabi-g++ -std=gnu++11 -fno-exceptions -mcpu=cortex-m4 -mthumb"
    cross_compile(unpacked("platformio"), compiler, ["examples/demo/src/main.cpp"], "src")


def test_the_readme_gives_one_command(unpacked) -> None:
    [command] = readme_commands(unpacked("platformio"))
    assert command == "pio run --project-dir examples/demo\n"
