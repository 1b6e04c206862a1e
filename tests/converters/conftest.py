# SPDX-License-Identifier: Apache-2.0
"""One exported model for all tests of packages."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edgecnn.converters.package import Package, make_package, package_files
from edgecnn.files import write_texts

TESTS = Path(__file__).parents[1]

Unpack = Callable[[str], Path]


@pytest.fixture(scope="session")
def tiny() -> Package:
    """What packages of the tiny stored model hold."""
    return make_package((TESTS / "assets" / "tiny_int8.tflite").read_bytes(), "tiny")


@pytest.fixture
def unpacked(tiny: Package, tmp_path: Path) -> Unpack:
    """A function that writes a package of that model, and returns its fresh folder."""

    def write(form: str) -> Path:
        folder = tmp_path / "edgecnn_tiny"
        write_texts(folder, package_files(form, tiny))
        return folder

    return write
