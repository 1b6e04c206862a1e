# SPDX-License-Identifier: Apache-2.0
"""`edgecnn targets`: every target, what runs it, and what is missing for that."""

import json
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgecnn.cli.targets import command
from edgecnn.compiler.targets import TARGETS


@cache
def here() -> dict[str, dict]:
    return targets()


def targets() -> dict[str, dict]:
    result = CliRunner().invoke(command, ["--json"], catch_exceptions=False)
    return {row["name"]: row for row in json.loads(result.stdout)}


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_whose_tools_are_there_is_ready(target: str) -> None:
    row = here()[target]
    if not TARGETS[target].features:  # not every processor has them
        assert row["missing"] is None
    assert row["isa"] == TARGETS[target].isa
    assert TARGETS[target].cc in row["run_by"]


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = targets()
    assert list(found) == list(TARGETS)
    assert "apt install gcc-arm-none-eabi libnewlib-arm-none-eabi" in found["cortex-m4"]["missing"]
    assert "apt install clang lld wasi-libc" in found["wasm32"]["missing"]
    assert "apt install gcc libc6-dev" in found["c99"]["missing"]


def test_the_table_has_a_line_for_each() -> None:
    lines = CliRunner().invoke(command, [], catch_exceptions=False).stdout.splitlines()
    [line] = [line for line in lines if line.split()[:1] == ["cortex-m4"]]
    assert "STM32F411CE" in line
    assert "512 KiB" in line
    assert "qemu-system-arm (mps2-an386)" in line
