# SPDX-License-Identifier: Apache-2.0
"""The CMSIS-Pack's description names all of its files, its sources build, and its example runs.

With a copy of the schema PACK.xsd of Open-CMSIS-Pack in EDGECNN_PACK_XSD the description is checked against
it; what it demands of the elements used here is checked always.
"""

import os
import re
from xml.etree import ElementTree

import pytest
import yaml
from packages import cross_compile, readme_commands, run, run_on_stubs

from edgecnn.converters.package import Package, package_files

PDSC = "edgecnn.tiny.pdsc"  # Vendor.Name.pdsc
SCHEMA = os.environ.get("EDGECNN_PACK_XSD", "")


@pytest.fixture
def files(tiny: Package) -> dict[str, str]:
    return package_files("cmsis-pack", tiny)


def test_the_description_has_what_the_schema_demands(files: dict[str, str]) -> None:
    pack = ElementTree.fromstring(files[PDSC])
    assert re.fullmatch(r"\d+\.\d+\.\d+", pack.attrib["schemaVersion"])
    for key in ("vendor", "name"):
        assert re.fullmatch(r"[-_A-Za-z0-9]+", pack.findtext(key, ""))
    assert f"{pack.findtext('vendor')}.{pack.findtext('name')}.pdsc" == PDSC
    assert {"description", "url", "releases"} <= {element.tag for element in pack}
    assert len({element.tag for element in pack}) == len(pack)  # each at most once
    for element in (*pack.iter("release"), pack.find("components/component")):
        assert element is not None
        assert re.fullmatch(r"\d+\.\d+\.\d+", element.get("version") or element.get("Cversion") or "")


def test_it_names_every_file_and_no_other(files: dict[str, str]) -> None:
    pack = ElementTree.fromstring(files[PDSC])
    named = {element.attrib["name"] for element in pack.iter("file")}
    code = {name for name in files if name.startswith(("src/", "include/"))}
    assert named == code | {"include/", "README.md"}
    assert pack.findtext("license") in files
    [example] = pack.iter("example")
    load = example.find("project/environment").attrib["load"]
    assert f"{example.attrib['folder']}/{load}" in files


def test_the_solution_asks_for_what_is_there(files: dict[str, str]) -> None:
    solution = yaml.safe_load(files["examples/demo/demo.csolution.yml"])["solution"]
    [project] = solution["projects"]
    components = yaml.safe_load(files[f"examples/demo/{project['project']}"])["project"]["components"]
    assert "edgecnn::Machine Learning:edgecnn:tiny" in [one["component"] for one in components]
    assert {"pack": "edgecnn::tiny", "path": "../.."} in solution["packs"]


@pytest.mark.skipif(not SCHEMA, reason="needs the schema PACK.xsd in EDGECNN_PACK_XSD")
@pytest.mark.needs_tool("xmllint", package="libxml2-utils")
def test_it_is_valid_by_the_schema(unpacked) -> None:
    run(f"xmllint --noout --schema {SCHEMA} {PDSC}", unpacked("cmsis-pack"))


@pytest.mark.needs_tool("g++", package="g++")
def test_the_example_prints_what_the_readme_says(unpacked, tiny: Package) -> None:
    folder = unpacked("cmsis-pack")
    assert run_on_stubs(folder, "examples/demo/main.c", "include").strip() == tiny.fields["serial"]


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
def test_component_and_example_compile_for_a_board(unpacked) -> None:
    folder = unpacked("cmsis-pack")
    sources = [*(f"src/tiny{part}.c" for part in ("", "_preprocess", "_test")), "examples/demo/main.c"]
    cross_compile(folder, "arm-none-eabi-gcc -std=c99 -mcpu=cortex-m4 -mthumb", sources, "include")


def test_the_readme_gives_one_command(unpacked) -> None:
    [command] = readme_commands(unpacked("cmsis-pack"))
    assert command.startswith("cbuild examples/demo/demo.csolution.yml ")
