# SPDX-License-Identifier: Apache-2.0
"""The PlatformIO library passes PlatformIO's own check, and its example is built by PlatformIO and runs.

No test reaches PlatformIO's registry of platforms and tools. So each platform that the example names is a
stand-in of ours, which builds for this machine, and SCons is PyPI's; reading the manifests, finding the
library and building it are PlatformIO's own.
"""

import configparser
import json
import shutil
from pathlib import Path

import pytest
from packages import STUBS, WARNINGS, cross_compile, readme_commands, run

from edgecnn.converters.package import Package, in_folder, package_files
from edgecnn.files import write_texts

SETTINGS = {"PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no"}
SCONS_WANTED = (
    "from platformio.dependencies import *; print(get_core_dependencies()['tool-scons'].lstrip('~'))"
)
PLATFORM = {
    **{"title": "stand-in", "version": "1.0.0"},
    "frameworks": {"arduino": {"script": "builder/arduino.py"}},
}
BOARD = {
    **{"name": "stand-in", "vendor": "none", "url": "https://example.com/"},
    **{"frameworks": ["arduino"], "build": {"mcu": "host"}},
    "upload": {"maximum_size": 1 << 20, "maximum_ram_size": 1 << 18},
}


@pytest.fixture
def project(tiny: Package) -> configparser.ConfigParser:
    """The example's platformio.ini."""
    parsed = configparser.ConfigParser()
    parsed.read_string(package_files("platformio", tiny)["examples/demo/platformio.ini"])
    return parsed


def core_folder(folder: Path, project: configparser.ConfigParser) -> str:
    """Write a PLATFORMIO_CORE_DIR with SCons and a stand-in for every platform of `project`."""
    texts = scons_package(folder)
    for env in (project[name] for name in project.sections() if name.startswith("env:")):
        platform = f"platforms/{env['platform']}"
        texts[f"{platform}/platform.json"] = json.dumps({"name": env["platform"], **PLATFORM})
        texts[f"{platform}/boards/{env['board']}.json"] = json.dumps(BOARD)
        builder = ("platformio/main.py", "platformio/arduino.py", "Arduino.h")
        texts |= {f"{platform}/builder/{Path(name).name}": (STUBS / name).read_text() for name in builder}
    write_texts(folder / "core", texts)
    return str(folder / "core")


def scons_package(folder: Path) -> dict[str, str]:
    """Return the files of the package that PlatformIO runs SCons from, of the version that it wants."""
    python = Path(shutil.which("pio") or "").resolve().parent / "python"
    about = {"name": "tool-scons", "version": run(f'{python} -c "{SCONS_WANTED}"', folder).strip()}
    installed = {"type": "tool", **about, "spec": {"owner": "platformio", "name": "tool-scons"}}
    files = {
        "package.json": json.dumps(about),
        ".piopm": json.dumps(installed),
        "scons.py": "from SCons.Script import main\nmain()\n",
    }
    return in_folder(files, "packages/tool-scons")


def test_the_manifest_names_files_that_are_there(tiny: Package) -> None:
    files = package_files("platformio", tiny)
    manifest = json.loads(files["library.json"])
    assert {f"src/{header}" for header in manifest["headers"]} <= set(files)
    [example] = manifest["examples"]
    assert {f"{example['base']}/{name}" for name in example["files"]} <= set(files)


def test_the_project_of_the_example_is_complete(project: configparser.ConfigParser) -> None:
    boards = {name for name in project.sections() if name.startswith("env:")}
    assert f"env:{project['platformio']['default_envs']}" in boards
    assert all({"platform", "board"} <= set(project[name]) for name in boards)


@pytest.mark.needs_tool("pio", pypi="platformio")
def test_platformio_packs_it(unpacked, tmp_path) -> None:
    folder = unpacked("platformio")
    check = "pio pkg pack --output ../library.tar.gz 2>&1 || true"
    said = run(check, folder, PLATFORMIO_CORE_DIR=str(tmp_path), **SETTINGS)
    # It looks licences up in a list on the net; where there is none, all the rest has been checked before.
    without_net = "Invalid manifest fields: {'license': ['Could not load SPDX licenses for validation']}"
    assert "Wrote a tarball" in said or without_net in said


@pytest.mark.needs_tool("arm-none-eabi-g++", package="gcc-arm-none-eabi")
def test_the_example_compiles_for_a_board(unpacked) -> None:
    compiler = "arm-none-eabi-g++ -std=gnu++11 -fno-exceptions -mcpu=cortex-m4 -mthumb"
    cross_compile(unpacked("platformio"), compiler, ["examples/demo/src/main.cpp"], "src")


@pytest.mark.needs_tool("pio", pypi="platformio")
@pytest.mark.needs_tool("scons", pypi="scons")
@pytest.mark.needs_tool("g++", package="g++")
def test_the_command_of_the_readme_builds_it_and_it_prints_what_it_should(
    unpacked, tiny: Package, project: configparser.ConfigParser, tmp_path: Path
) -> None:
    folder = unpacked("platformio")
    [command] = readme_commands(folder)
    settings = {"PLATFORMIO_CORE_DIR": core_folder(tmp_path, project), "PLATFORMIO_BUILD_FLAGS": WARNINGS}
    for environment in ("", "-e esp32-c3", "-e pico"):
        run(f"{command.strip()} {environment}", folder, **settings, **SETTINGS)
    programs = sorted(folder.glob("examples/demo/.pio/build/*/program"))
    assert [path.parent.name for path in programs] == ["esp32-c3", "nano33ble", "pico"]
    for program in programs:
        assert run(str(program), folder).strip() == tiny.fields["serial"]
