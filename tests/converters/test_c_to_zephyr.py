# SPDX-License-Identifier: Apache-2.0
"""The Zephyr module has the keys that Zephyr's schemas know, and its sample compiles and runs.

The schemas are Zephyr's own, scripts/zephyr_module.py and scripts/schemas/twister/testsuite-schema.yaml,
which come with its sources only; what is used of them is repeated here.
"""

import re
from pathlib import Path

import pytest
import yaml
from packages import cross_compile, readme_commands, run_on_stubs

from edgecnn.converters.package import Package, package_files


@pytest.fixture
def files(tiny: Package) -> dict[str, str]:
    return package_files("zephyr", tiny)


def test_the_module_points_to_files_that_are_there(files: dict[str, str]) -> None:
    module = yaml.safe_load(files["zephyr/module.yml"])
    assert set(module) == {"name", "build", "samples"}
    assert f"{module['build']['cmake']}/CMakeLists.txt" in files
    assert module["build"]["kconfig"] in files
    assert all(any(name.startswith(f"{folder}/") for name in files) for folder in module["samples"])


def test_every_source_is_built_if_the_option_is_set(files: dict[str, str]) -> None:
    text = files["zephyr/CMakeLists.txt"]
    [sources] = re.findall(r"zephyr_library_sources\((.*)\)", text)
    assert {Path("zephyr", name).parts[2:] for name in sources.split()} == {
        Path(name).parts for name in files if name.startswith("src/")
    }
    [option] = re.findall(r"^config (\w+)", files["zephyr/Kconfig"], re.MULTILINE)
    assert f"if(CONFIG_{option})" in text
    assert f"CONFIG_{option}=y" in files["samples/demo/prj.conf"]


def test_the_sample_is_one_that_twister_runs(files: dict[str, str], tiny: Package) -> None:
    sample = yaml.safe_load(files["samples/demo/sample.yaml"])
    assert set(sample) == {"sample", "common", "tests"}
    assert set(sample["sample"]) == {"name", "description"}
    [(name, test)] = sample["tests"].items()
    assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", name)
    assert set(test["integration_platforms"]) <= set(test["platform_allow"].split())
    [expected] = test["harness_config"]["regex"]
    assert re.search(expected, tiny.fields["serial"])


@pytest.mark.needs_tool("g++", package="g++")
def test_the_sample_prints_what_the_readme_says(unpacked, tiny: Package) -> None:
    folder = unpacked("zephyr")
    assert run_on_stubs(folder, "samples/demo/src/main.c", "include").strip() == tiny.fields["serial"]


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
def test_module_and_sample_compile_for_a_board(unpacked) -> None:
    folder = unpacked("zephyr")
    sources = [*(f"src/tiny{part}.c" for part in ("", "_preprocess", "_test")), "samples/demo/src/main.c"]
    cross_compile(folder, "arm-none-eabi-gcc -std=gnu11 -mcpu=cortex-m3 -mthumb", sources, "include")


def test_the_readme_gives_one_command(unpacked) -> None:
    [command] = readme_commands(unpacked("zephyr"))
    assert command == "west build -b qemu_cortex_m3 samples/demo -t run\n"
