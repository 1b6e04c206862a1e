# SPDX-License-Identifier: Apache-2.0
"""What is installed is what is meant to be: packages, data files, the link, and the tools that tests need."""

import configparser
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(command: Sequence[str | Path], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--outdir", folder, ROOT], ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


def sources() -> set[str]:
    """The files of the package, as a wheel names them."""
    folders = {"edgecnn": ROOT / "edgecnn", "edgecnn/converters": ROOT / "converters"}
    found = {
        f"{name}/{path.relative_to(folder)}"
        for name, folder in folders.items()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_relative_to(ROOT / "edgecnn" / "converters")
    }
    return {name for name in found if "__pycache__" not in name and not Path(name).name.startswith(".")}


def listed_packages() -> set[str]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    return set(setup["options"]["packages"].split())


def test_converters_is_a_relative_link() -> None:
    link = ROOT / "edgecnn" / "converters"
    assert link.is_symlink()
    assert link.readlink() == Path("../converters")


def test_every_package_is_listed() -> None:
    folders = {Path(name).parent for name in sources() if name.endswith(".py")}
    assert listed_packages() == {".".join(folder.parts) for folder in folders}
    assert {folder / "__init__.py" for folder in folders} <= set(map(Path, sources()))


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == sources()


@pytest.mark.slow
def test_the_wheel_carries_the_license(wheel: Path) -> None:
    [name] = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("/LICENSE")]
    assert zipfile.ZipFile(wheel).read(name) == (ROOT / "LICENSE").read_bytes()


@pytest.mark.slow
def test_the_sdist_can_be_built_from(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"setup.cfg", "pyproject.toml", "LICENSE", "README.md", "converters/__init__.py"} <= names


@pytest.mark.slow
def test_the_installed_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    run(
        [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", target, wheel],
        tmp_path,
    )
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import edgecnn.converters.tflite_to_c_array as converter, edgecnn.cli\n"
        "print(converter.__file__); print(edgecnn.cli.__file__)\n"
    )
    for line in run([sys.executable, "-c", code, target], tmp_path).split():
        assert Path(line).is_relative_to(target)


def test_converters_refuses_another_name() -> None:
    command = [sys.executable, "-c", "import converters"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "import it by that name" in done.stderr


def test_every_source_file_names_its_license() -> None:
    folders = [ROOT / name for name in ("edgecnn", "converters", "benchmarks", "tests")]
    files = [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in {".py", ".c", ".h", ".html"}
    ]
    assert [
        path for path in files if "SPDX-License-Identifier: " not in path.read_text(encoding="utf-8")[:400]
    ] == []


def test_the_makefile_installs_every_tool_that_a_test_asks_for() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [debian] = re.findall(r"^DEBIAN_PACKAGES = ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)
    pypi = " ".join(re.findall(r"^PYPI_(?:TOOLS|SOURCES) = (.*)$", makefile, re.MULTILINE))
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    for word, origin, installed in (("package", "Debian", debian), ("pypi", "PyPI", pypi)):
        name = rf'(?:\b{word}="|needs {origin} package )([a-z0-9][a-z0-9.+-]+)'
        asked = set(re.findall(name, tests))
        assert asked
        assert asked - set(installed.split()) == set()
