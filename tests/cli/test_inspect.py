# SPDX-License-Identifier: Apache-2.0
"""`edgecnn inspect` on the tiny stored model, as text and as JSON, and on files that are no model."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgecnn.cli.inspect import command
from edgecnn.errors import ModelError

TINY = Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"


def inspect_json(path: Path) -> dict:
    return json.loads(CliRunner().invoke(command, [str(path), "--json"], catch_exceptions=False).stdout)


def test_json_names_operators_macs_and_quantization() -> None:
    found = inspect_json(TINY)
    assert [operator["op"] for operator in found["operators"]] == [
        "CONV_2D",
        "MAX_POOL_2D",
        "RESHAPE",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]
    assert [operator["macs"] for operator in found["operators"]] == [10 * 10 * 4 * 9, 0, 0, 300, 0]
    assert found["inputs"][0]["quantization"] == {
        "scale": pytest.approx(1 / 255),
        "zero_point": -128,
        "per_channel": False,
    }
    assert found["operators"][0]["inputs"][1]["quantization"]["per_channel"]
    assert found["macs"] == 3900


def test_lines_of_cpp_register_each_op_once() -> None:
    assert inspect_json(TINY)["tflm"] == [
        "static tflite::MicroMutableOpResolver<5> resolver;",
        "resolver.AddConv2D();",
        "resolver.AddMaxPool2D();",
        "resolver.AddReshape();",
        "resolver.AddFullyConnected();",
        "resolver.AddSoftmax();",
    ]


def test_text_shows_the_same() -> None:
    shown = CliRunner().invoke(command, [str(TINY)], catch_exceptions=False).stdout
    assert "3,900 MACs" in shown
    assert "4x3x3x1 per channel" in shown
    assert "resolver.AddConv2D();" in shown


@pytest.mark.parametrize("content", [b"", b"PNG", b"\0\0\0\0TFL3", TINY.read_bytes()[:1000]])
def test_what_is_no_model_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.tflite: ") as error:
        inspect_json(broken)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        inspect_json(tmp_path / "absent.tflite")
