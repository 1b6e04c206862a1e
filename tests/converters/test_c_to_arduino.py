# SPDX-License-Identifier: Apache-2.0
"""The Arduino library keeps the rules of arduino-lint, is built by Arduino's builder, and its sketch runs.

The rules are those of https://arduino.github.io/arduino-lint/latest/rules/library, by their numbers, at
level "strict"; the tool itself comes from no registry that the tests use. Nor does arduino-cli; Debian has
the builder of before, which finds libraries and turns sketches into C++ in the same way. The core of the
board is a stand-in of ours, which builds for this machine.
"""

import re
from pathlib import Path

import pytest
from packages import STUBS, WARNINGS, cross_compile, readme_commands, run

from edgecnn.converters.package import Package, make_package, package_files
from edgecnn.files import write_texts

CATEGORIES = {
    *("Communication", "Data Processing", "Data Storage", "Device Control", "Display", "Other", "Sensors"),
    *("Signal Input/Output", "Timing"),
}
AS_ARDUINO_DOES = "(echo '#include <Arduino.h>'; cat examples/demo/demo.ino) > demo.cpp"


def properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_library_properties_keep_the_rules(tiny: Package) -> None:
    files = package_files("arduino", tiny)
    found = properties(files["library.properties"])
    name = found["name"]
    assert re.fullmatch(
        r"[A-Za-z][A-Za-z0-9_.-]{0,62}", name
    )  # LP003 to LP011: characters, length, no spaces
    assert not re.search("arduino|library", name, re.IGNORECASE)  # LP007, LP008, LP011
    assert re.fullmatch(r"\d+\.\d+\.\d+", found["version"])  # LP013 to LP016
    for key in ("author", "maintainer", "sentence"):  # LP017 to LP040
        assert found[key].strip()
        assert not found[key].lower().startswith("arduino")
    assert found["paragraph"]
    assert found["sentence"] not in found["paragraph"]  # LP036
    assert found["category"] in CATEGORIES  # LP041 to LP043
    assert not found["url"]  # LP037 asks for one of who publishes it: yours, as the README says
    assert "avr" not in found["architectures"].split(",")  # LP044 to LP049; ints of 16 bits don't do
    assert {f"src/{header}" for header in found["includes"].split(",")} <= set(files)  # LP050 to LP052
    assert len(found) == len(files["library.properties"].splitlines())  # no key twice


def test_the_folders_are_those_of_a_library(tiny: Package) -> None:
    files = set(package_files("arduino", tiny))
    folders = {name.split("/")[0] for name in files if "/" in name}
    assert folders == {"src", "examples"}  # LS: spelled like this, and no utility/ beside src/
    assert {"README.md", "LICENSE", "keywords.txt", "library.properties"} <= files  # LD001, LD002
    assert "examples/demo/demo.ino" in files  # a sketch is called as its folder is


def test_keywords_are_separated_by_single_tabs(tiny: Package) -> None:
    for line in package_files("arduino", tiny)["keywords.txt"].splitlines():
        assert re.fullmatch(r"[A-Za-z_]\w*\tKEYWORD[12]", line)  # LK
        assert line.split("\t")[0] in "".join(tiny.c_files.values())


def test_a_long_name_is_refused_where_the_tools_would() -> None:
    package = make_package(tiny_bytes(), "n" * 60)
    with pytest.raises(Exception, match="63"):
        package_files("arduino", package)


def tiny_bytes() -> bytes:
    return (Path(__file__).parents[1] / "assets" / "tiny_int8.tflite").read_bytes()


@pytest.mark.needs_tool("arduino-builder", package="arduino-builder")
@pytest.mark.needs_tool("g++", package="g++")
def test_the_builder_finds_the_library_and_the_sketch_prints_what_it_should(
    unpacked, tiny: Package, tmp_path: Path
) -> None:
    folder = unpacked("arduino")
    [command] = readme_commands(folder)
    [board] = re.findall(r"--fqbn (\S+)", command)
    package, core, _ = board.split(":")
    hardware = tmp_path / "hardware" / package / core
    texts = {name: (STUBS / "arduino" / name).read_text() for name in ("boards.txt", "platform.txt")}
    write_texts(hardware, {**texts, "cores/arduino/Arduino.h": (STUBS / "Arduino.h").read_text()})
    made = tmp_path / "made"
    made.mkdir()
    run(
        f"arduino-builder -compile -fqbn {board} -hardware ../hardware -tools ../hardware -libraries .. "
        f"-build-path {made} -prefs 'build.extra_flags={WARNINGS}' {command.split()[-1]}",
        folder,
    )
    assert run("./demo", made).strip() == tiny.fields["serial"]


@pytest.mark.needs_tool("arm-none-eabi-g++", package="gcc-arm-none-eabi")
def test_library_and_sketch_compile_for_a_board(unpacked) -> None:
    folder = unpacked("arduino")
    run(AS_ARDUINO_DOES, folder)
    core = "-mcpu=cortex-m4 -mthumb"
    run(f"arm-none-eabi-gcc -std=gnu11 {core} {WARNINGS} -Os -Isrc -c src/*.c", folder)
    cross_compile(folder, f"arm-none-eabi-g++ -std=gnu++11 -fno-exceptions {core}", ["demo.cpp"], "src")
