# SPDX-License-Identifier: Apache-2.0
"""Builds the firmware examples as their users do: by make, in a folder of their own."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


class Example:
    """A copy of an example, which finds the others and the tests' assets where the original does."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder / "firmware_examples" / name
        built = shutil.ignore_patterns("build", "classify")
        shutil.copytree(ROOT / "firmware_examples", self.folder.parent, ignore=built)
        shutil.copytree(ROOT / "tests" / "assets", folder / "tests" / "assets")
        self._environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHON": sys.executable,
        }

    def call(self, command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            ["bash", "-euc", command],
            check=False,
            cwd=self.folder,
            capture_output=True,
            text=True,
            env=self._environment,
            **options,
        )
        return done

    def run(self, command: str) -> str:
        done = self.call(command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def make(self, model: bytes | Path, *options: str) -> None:
        if isinstance(model, bytes):
            path = self.folder / "given.tflite"
            path.write_bytes(model)
            model = path
        self.run(f"make MODEL={model} {' '.join(options)}")

    def check_readme(self) -> None:
        """Run the README's sh and console blocks; the latter print what they say they do."""
        text = (self.folder / "README.md").read_text(encoding="utf-8")
        blocks = re.findall(r"^```(sh|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        assert blocks
        for language, block in blocks:
            if language == "sh":
                self.run(block)
            else:
                for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
                    assert self.run(command) == shown


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Example:
    """The example that the test's module is about: test_NAME.py."""
    return Example(request.path.stem.removeprefix("test_"), tmp_path)


@pytest.fixture
def example_of(tmp_path: Path) -> Callable[[str], Example]:
    """A function that returns the example of a name."""
    return lambda name: Example(name, tmp_path)
