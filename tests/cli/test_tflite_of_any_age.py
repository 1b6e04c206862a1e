# SPDX-License-Identifier: Apache-2.0
"""What docs/models.md says of .tflite files of any age, by its commands, on files of the tests' own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import networks
import pytest
from click.testing import CliRunner
from tflite_builder import Builder

from edgecnn.cli.compile import command as compile_command
from edgecnn.cli.verify import command as verify_command

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs" / "models.md").read_text(encoding="utf-8").split("\n## `.tflite` of any age\n")[1]
COMMANDS = [
    line[2:].split() for line in SECTION.split("```")[1].splitlines() if line.startswith("$ edgecnn ")
]


def uint8() -> bytes:
    builder = Builder(dtype="uint8")
    source = builder.input((1, 8, 8, 3))
    at = builder.conv(builder.conv(source, 1, depthwise=True), 4, (1, 1))
    return builder.build((source,), (builder.pool(at, "AVERAGE", (2, 2), (2, 2)),))


def detector() -> bytes:
    builder = Builder()
    scores = builder.conv(builder.input((1, 6, 6, 2)), 4)
    shape = builder.tensors[scores].shape
    made = builder.operator("EXP", (builder.dequantize(scores),), builder.tensor(shape, "float32"))
    return builder.build((0,), (made,))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quantized.tflite").write_bytes(uint8())
    (tmp_path / "detector.tflite").write_bytes(detector())
    shutil.copy(ROOT / "tests" / "assets" / "tiny_float32.tflite", tmp_path / "float.tflite")
    return tmp_path


def test_the_commands_of_the_page(folder: Path) -> None:
    assert [words[1] for words in COMMANDS] == ["compile", "compile", "verify", "export"]
    for words in COMMANDS[:3]:  # the last one is tested with TensorFlow, in tests/pipeline/test_export.py
        command = verify_command if words[1] == "verify" else compile_command
        result = CliRunner().invoke(command, words[2:])
        assert result.exit_code == 0, result.output
    assert "the .tflite's uint8 less 128" in (folder / "firmware" / "quantized.h").read_text()
    assert (
        "left to you, of these outputs: DEQUANTIZE (1), EXP (1)"
        in (folder / "firmware2" / "detector.h").read_text()
    )


@pytest.mark.parametrize("network", [networks.mobilenet_v1, networks.mobilenet_v2])
def test_whole_networks_over_uint8_are_verified(network: Callable[..., bytes], folder: Path) -> None:
    (folder / "net.tflite").write_bytes(network(dtype="uint8"))
    result = CliRunner().invoke(verify_command, ["net.tflite", "--inputs", "2"])
    assert result.output.splitlines()[-1] == "0 of 10 bytes differ"
    assert result.exit_code == 0
