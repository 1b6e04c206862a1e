# SPDX-License-Identifier: Apache-2.0
"""What every package has in common, whatever its format."""

import re
from pathlib import Path

import networks
import pytest
from click.testing import CliRunner

from edgecnn.cli.export import command
from edgecnn.converters.formats import package_formats
from edgecnn.converters.package import Package, fill, make_package, package_files
from edgecnn.errors import ModelError
from edgecnn.pipeline.export import ExportOptions, export
from edgecnn.progress import silent

TINY = Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"

every_format = pytest.mark.parametrize("form", package_formats())


@every_format
def test_it_holds_what_a_firmware_engineer_needs(form: str, tiny: Package) -> None:
    files = package_files(form, tiny)
    assert {"README.md", "LICENSE", "MODEL_CARD.md", "labels.txt"} <= set(files)
    names = {Path(name).name for name in files}
    assert {
        "tiny.h",
        "tiny.c",
        "tiny_preprocess.h",
        "tiny_preprocess.c",
        "tiny_test.c",
        "tiny_test.h",
    } <= names
    readme = files["README.md"]
    assert readme.count("```sh\n") >= 1
    assert len(readme.splitlines()) <= 75
    assert tiny.fields["serial"] in readme
    assert "pin" in readme
    for text in (readme, files["MODEL_CARD.md"]):
        assert "never for diagnosis" in text


@every_format
def test_the_same_model_gives_the_same_bytes_and_no_path_or_time(form: str, tiny: Package) -> None:
    files = package_files(form, tiny)
    again = package_files(form, make_package(TINY.read_bytes(), "tiny"))
    assert list(files.items()) == list(again.items())
    everything = "\n".join(files.values())
    assert not re.search(r"/(home|root|tmp|usr|work)/", everything)
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b|\d\d:\d\d:\d\d", everything)
    assert "@{" not in everything + "".join(files)


@every_format
def test_every_source_names_its_licence(form: str, tiny: Package) -> None:
    files = package_files(form, tiny)
    sources = [
        name for name in files if re.search(r"\.(c|cc|cpp|h|ino|cmake|conf|yml|yaml)$|CMakeLists", name)
    ]
    assert [name for name in sources if "SPDX-License-Identifier: 0BSD" not in files[name][:200]] == []


@every_format
def test_the_command_line_writes_it(form: str, tmp_path: Path) -> None:
    arguments = [str(TINY), "--out", str(tmp_path / form), "--name", "tiny", "--format", form]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    readme = (tmp_path / form / "README.md").read_text()
    *_, last = result.stdout.splitlines()
    said, _, build = last.partition(" && ")
    assert said == f"Build it: cd {tmp_path / form}"
    assert f"```sh\n{build}\n```" in readme
    assert "## What you should see" in readme
    assert ("Fits an STM32F103C8 (flash" in readme) == (form != "tflm")


def test_a_package_is_exported_by_itself(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="format cmake makes a whole folder; export it by itself"):
        export(TINY, tmp_path, ExportOptions(("cmake", "c"), "tiny"), silent)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_takes_no_picture_or_answers_twice_is_refused() -> None:
    with pytest.raises(ModelError, match="2 outputs, a package's example reads 1"):
        make_package(networks.two_heads(), "net")
    with pytest.raises(ModelError, match=r"2 inputs|2 outputs"):
        make_package(networks.two_ends(), "net")


def test_a_field_that_nobody_knows_is_a_bug() -> None:
    assert fill("@{a} $a %a a@@b", {"a": "1"}) == "1 $a %a a@b"
    with pytest.raises(KeyError):
        fill("@{b}", {"a": "1"})


def test_labels_break_out_of_no_table() -> None:
    package = make_package(TINY.read_bytes(), "tiny", ("a|b", "c`d", "e\nf"))
    assert r"| classes | `a b`, `c d`, `e\nf` |" in package_files("cmake", package)["README.md"]


def test_a_model_card_of_the_run_is_taken_over() -> None:
    package = make_package(
        TINY.read_bytes(), "tiny", ("a", "b", "c"), model_card="# mine, never for diagnosis\n"
    )
    assert package.documents["MODEL_CARD.md"] == "# mine, never for diagnosis\n"
    assert package.documents["labels.txt"] == "a\nb\nc\n"
