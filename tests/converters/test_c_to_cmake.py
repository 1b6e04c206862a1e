# SPDX-License-Identifier: Apache-2.0
"""The CMake package builds by the command of its README, runs, installs, and is found."""

from pathlib import Path

import networks
import pytest
from packages import WARNINGS, readme_commands, run

from edgecnn.converters.package import Package, make_package, package_files
from edgecnn.files import write_texts

pytestmark = pytest.mark.needs_tool("cmake", package="cmake")

USER = """\
cmake_minimum_required(VERSION 3.13)
project(user LANGUAGES C)
find_package(edgecnn_tiny 1.0 REQUIRED)
add_executable(user main.c)
target_link_libraries(user PRIVATE edgecnn::tiny)
"""


def test_the_commands_of_the_readme_build_and_run_it(unpacked, tiny: Package) -> None:
    folder = unpacked("cmake")
    here, _ = readme_commands(folder)
    run(here, folder)
    assert run("build/demo", folder).strip() == tiny.fields["serial"]


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
def test_it_builds_for_bare_metal(unpacked) -> None:
    folder = unpacked("cmake")
    _, arm = readme_commands(folder)
    run(arm, folder)
    attributes = run("arm-none-eabi-readelf -A build-arm/libedgecnn_tiny.a", folder)
    assert "Tag_CPU_arch_profile: Microcontroller" in attributes


def test_it_installs_and_is_found(unpacked, tmp_path: Path) -> None:
    folder = unpacked("cmake")
    run("cmake -B build && cmake --build build && cmake --install build --prefix ../prefix", folder)
    user = tmp_path / "user"
    write_texts(user, {"CMakeLists.txt": USER, "main.c": (folder / "example" / "main.c").read_text()})
    run("cmake -B build -DCMAKE_PREFIX_PATH=$PWD/../prefix && cmake --build build && build/user", user)


@pytest.mark.parametrize("model", ["small", "residual"])
def test_other_models_print_what_the_readme_says(model: str, tmp_path: Path) -> None:
    package = make_package(getattr(networks, model)(), "net")
    write_texts(tmp_path, package_files("cmake", package))
    sanitized = f"cc -std=c99 {WARNINGS} -fsanitize=address,undefined"
    run(f"{sanitized} -Iinclude src/*.c example/main.c -o demo", tmp_path)
    assert run("./demo", tmp_path).strip() == package.fields["serial"]
