# SPDX-License-Identifier: Apache-2.0
"""`edgecnn verify` on the tiny stored model, on this machine and on an emulated core."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from tflite_builder import Builder

from edgecnn.cli.compile import command as compile_
from edgecnn.cli.inspect import command as inspect
from edgecnn.cli.verify import command

TINY = Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"
KEYS = {
    *("target", "inputs", "bytes_compared", "bytes_different", "instructions", "code_bytes", "const_bytes"),
    *("arena_bytes", "state_bytes", "static_bytes", "stack_bytes", "macs", "macs_computed"),
}


def verify(*arguments: object) -> dict:
    result = CliRunner().invoke(command, [str(TINY), "--json", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_run_stands_for_its_model(tmp_path: Path) -> None:
    (tmp_path / "model_int8.tflite").write_bytes(TINY.read_bytes())
    calls = ((command, ()), (inspect, ()), (compile_, ("--out", str(tmp_path / "c"))))
    for called, more in calls:
        of_run, of_file = (
            CliRunner().invoke(called, [str(model), *more], catch_exceptions=False).stdout
            for model in (tmp_path, tmp_path / "model_int8.tflite")
        )
        assert of_run == of_file
    assert (tmp_path / "c" / "model_int8.c").exists()


def test_on_this_machine() -> None:
    found = verify("--inputs", 4)
    assert set(found) >= KEYS
    assert (found["inputs"], found["bytes_compared"], found["bytes_different"]) == (4, 12, 0)
    assert found["instructions"] is None


@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m4", "rv32"])
def test_on_an_emulated_core(target: str) -> None:
    found = verify("--target", target, "--inputs", 2, "--optimize", "size")
    assert found["bytes_different"] == 0
    assert found["instructions"] > found["macs_computed"]
    assert found["static_bytes"] == 0
    assert 0 < found["code_bytes"] <= 8192
    assert found["stack_bytes"] + found["state_bytes"] <= 2048


@pytest.mark.parametrize(
    ("target", "optimize"),
    [("cortex-m4", "speed"), ("cortex-m4", "size"), ("rv32", "size"), ("aarch64", "speed")],
)
def test_the_profile_adds_up_to_what_runs_without_it(target: str, optimize: str) -> None:
    found = verify("--target", target, "--inputs", 3, "--optimize", optimize, "--profile")
    begin, image, *operators = found["operators"]
    assert sum(row["instructions"] for row in found["operators"]) == found["instructions"]
    assert (begin["op"], image["op"]) == ("(begin)", "INPUT")
    assert all(row["instructions"] > max(row["macs"], begin["instructions"]) / 2 for row in operators)
    assert sum(row["macs"] for row in operators) == found["macs_computed"]


@pytest.mark.parametrize("target", ["cortex-m4"])
def test_cycles_are_estimated(target: str) -> None:
    found = verify("--target", target, "--profile")
    assert sum(row["cycles_estimated"] for row in found["operators"]) == found["cycles_estimated"]
    assert found["instructions"] < found["cycles_estimated"] < 3 * found["instructions"]


def test_a_profile_needs_an_emulator() -> None:
    result = CliRunner().invoke(command, [str(TINY), "--profile"])
    assert "target c99 runs in no emulator" in str(result.exception)


def test_on_images_of_a_folder(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("no image")
    assert verify("--inputs", tmp_path)["inputs"] == 1


def printed(tmp_path: Path, model: bytes, *arguments: object) -> tuple[int, str]:
    path = tmp_path / "model.tflite"
    path.write_bytes(model)
    result = CliRunner().invoke(command, [str(path), *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.stdout


def test_it_says_whose_kernels_stand_behind_the_references_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = Builder(1)
    source = builder.input((1, 4, 4, 2))
    model = builder.build((source,), (builder.unary("RELU", builder.conv(source, 3)),))
    monkeypatch.setattr("edgecnn.pipeline.verify.oracle.find_spec", lambda _: None)
    code, output = printed(tmp_path, model, "--inputs", 3)
    assert code == 0
    assert "3 inputs, compared with NumPy references\n" in output
    assert (
        "  CONV_2D, RELU (operators 0, 1): NumPy references alone, as tflite-runtime is not installed\n"
        in output
    )
    assert "different outputs                       3\n" in output


def test_a_reference_that_differs_ends_in_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgecnn.pipeline import verify

    honest, differing = verify.verify, {"RELU": 2}
    monkeypatch.setattr(
        verify, "verify", lambda *a, **k: replace(honest(*a, **k), operators_different=differing)
    )
    result = CliRunner().invoke(command, [str(TINY)])
    assert result.exit_code == 1
    assert "  RELU: 2 bytes of our reference differ from that" in result.stdout


def test_equal_outputs_of_all_inputs_are_said_to_prove_little(tmp_path: Path) -> None:
    builder = Builder(1)
    source = builder.input((1, 4, 4, 2))
    model = builder.build((source,), (builder.conv(source, 3, dead=3),))
    code, output = printed(tmp_path, model)
    assert code == 0
    assert (
        "different outputs                       1\nAll inputs have the same output, and no others" in output
    )
    assert "All inputs have the same output" not in printed(tmp_path, model, "--inputs", 1)[1]
    other = builder.conv(source, 3)
    dead = builder.operators[0][2]
    _, output = printed(tmp_path, builder.build((source,), (other, dead)))
    assert "\nAll inputs have the same output1, and no others" in output


def test_a_wrong_byte_ends_in_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgecnn.runtime.host_compiler import HostCompiler

    honest = HostCompiler.run
    monkeypatch.setattr(
        HostCompiler, "run", lambda *a, **k: [bytes([one[0] ^ 1]) + one[1:] for one in honest(*a, **k)]
    )
    result = CliRunner().invoke(command, [str(TINY), "--inputs", "3"])
    assert result.exit_code == 1
    assert "3 of 9 bytes differ" in result.stdout


@pytest.mark.parametrize("inputs", ["0", "nowhere"])
def test_inputs_that_are_none_are_refused(inputs: str) -> None:
    result = CliRunner().invoke(command, [str(TINY), "--inputs", inputs])
    assert result.exit_code == 2


def test_a_missing_tool_is_one_line_naming_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(command, [str(TINY), "--target", "cortex-m4"])
    assert "gcc-arm-none-eabi" in str(result.exception)
    assert "\n" not in str(result.exception)
