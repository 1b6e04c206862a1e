# SPDX-License-Identifier: Apache-2.0
"""`edgecnn compile` on the tiny stored model: files, plan, options, refusals."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from tflite_builder import Builder

from edgecnn.cli.compile import command
from edgecnn.errors import EdgecnnError, ModelError

TINY = Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"
FLOAT = TINY.with_name("tiny_float32.tflite")


def compile_with(*arguments: object) -> str:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if isinstance(result.exception, EdgecnnError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_files_and_the_plan(tmp_path: Path) -> None:
    plan = json.loads(compile_with(TINY, "--out", tmp_path, "--name", "tiny", "--json"))
    assert [Path(file).name for file in plan["files"]] == [
        "tiny.h",
        "tiny.c",
        "tiny_test.h",
        "tiny_test.c",
    ]
    assert all((tmp_path / name).stat().st_size for name in ("tiny.h", "tiny.c", "tiny_test.c"))
    assert plan["macs"] == 3900
    assert plan["arena_bytes"] < plan["arena_bytes_whole"]
    assert [step["op"] for step in plan["steps"]] == [
        "INPUT",
        "CONV_2D + MAX_POOL_2D",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]


def test_what_is_left_where_floats_begin_is_said(tmp_path: Path) -> None:
    builder = Builder()
    scores = builder.fully_connected(builder.input((1, 9)), 4)
    powers = builder.operator("COS", (builder.dequantize(scores),), builder.tensor((1, 4), "float32"))
    (tmp_path / "net.tflite").write_bytes(builder.build((0,), (powers,)))
    with pytest.raises(ModelError, match=r"COS .* is not supported.* --stop-before-float compiles up to"):
        compile_with(tmp_path / "net.tflite", "--out", tmp_path / "c")
    told = compile_with(tmp_path / "net.tflite", "--out", tmp_path / "c", "--stop-before-float")
    assert "left     to you, of these outputs: DEQUANTIZE (1), COS (1)\n" in told
    assert (
        "left to you, of these outputs: DEQUANTIZE (1), COS (1)\n" in (tmp_path / "c" / "net.h").read_text()
    )


@pytest.mark.needs_tool("gcc", package="gcc")
def test_a_shared_library_is_built_for_this_machine_only(tmp_path: Path) -> None:
    plan = json.loads(compile_with(TINY, "--out", tmp_path, "--name", "tiny", "--shared", "--json"))
    assert [Path(file).name for file in plan["files"][-2:]] == ["tiny_shared.c", "tiny.so"]
    assert all(Path(file).stat().st_size for file in plan["files"])
    with pytest.raises(EdgecnnError, match=r"target cortex-m4 is of another machine; .* c99, x86-64"):
        compile_with(TINY, "--out", tmp_path / "other", "--shared", "--target", "cortex-m4")
    assert not (tmp_path / "other").exists()


def test_the_name_follows_the_file(tmp_path: Path) -> None:
    model = tmp_path / "8-bit Model.v2.tflite"
    model.write_bytes(TINY.read_bytes())
    compile_with(model, "--out", tmp_path)
    assert (tmp_path / "model_8_bit_model_v2.h").exists()


def test_text_names_arena_and_files(tmp_path: Path) -> None:
    shown = compile_with(TINY, "--out", tmp_path, "--target", "cortex-m4", "--schedule", "whole")
    assert "arena    " in shown
    assert "tiny_int8.c" in shown
    assert 'for target "cortex-m4"' in (tmp_path / "tiny_int8.h").read_text()


def test_dump_holds_the_graph_after_each_pass(tmp_path: Path) -> None:
    compile_with(TINY, "--out", tmp_path, "--dump", tmp_path / "dump")
    names = [file.name for file in sorted((tmp_path / "dump").iterdir())]
    assert names[0] == "00_read.txt"
    assert "MAX_POOL_2D" in (tmp_path / "dump" / "00_read.txt").read_text()
    assert "MAX_POOL_2D" not in (tmp_path / "dump" / names[-1]).read_text()


def test_sizes_with_letters_and_without(tmp_path: Path) -> None:
    compile_with(TINY, "--out", tmp_path, "--ram", "1K")
    with pytest.raises(ModelError, match="the limit is 10;"):
        compile_with(TINY, "--out", tmp_path, "--ram", "10")
    refused = CliRunner().invoke(command, [str(TINY), "--out", str(tmp_path), "--ram", "much"])
    assert refused.exit_code == 2
    assert "'much' is no size" in refused.output


def test_the_search_takes_its_steps_and_says_nothing_off_a_terminal(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(TINY), "--out", str(tmp_path / "few"), "--search", "1"])
    assert (result.exit_code, result.stderr) == (0, "")
    for arguments, message in (
        (("--search", "0"), "0 is not in the range 1<=x<=1000000000000"),
        (("--search", "9", "--schedule", "whole"), "--search is for rows; leave out --schedule whole"),
    ):
        result = CliRunner().invoke(command, [str(TINY), "--out", str(tmp_path / "none"), *arguments])
        assert result.exit_code == 2
        assert message in result.stderr
    assert not (tmp_path / "none").exists()


def test_a_version_of_weights_that_are_in_the_code_is_refused(tmp_path: Path) -> None:
    refused = CliRunner().invoke(command, [str(TINY), "--out", str(tmp_path), "--weights-version", "2"])
    assert refused.exit_code == 2
    assert "add --weights external" in refused.output


def test_it_says_whether_the_c_fits_a_part(tmp_path: Path) -> None:
    said = compile_with(TINY, "--out", tmp_path, "--part", "STM32F411CE")
    fits = r"Fits an STM32F411CE \(flash 1%, RAM 1%\), [\d,]+ instructions, about 0\.\d+ ms at 100 MHz"
    assert re.search(fits, said)
    assert 'for target "cortex-m4"' in (tmp_path / "tiny_int8.h").read_text()
    said = compile_with(TINY, "--out", tmp_path, "--part", "STM32F411CE", "--json")
    told = json.loads(said)["estimate"]
    assert (told["flash_is_bound"], told["parts"][0]["part"]) == (False, "STM32F411CE")
    assert "Fits an STM32F103C8 (flash at most" in compile_with(TINY, "--out", tmp_path)
    refused = CliRunner().invoke(
        command, [str(TINY), "--out", str(tmp_path), "--part", "RP2040", "--target", "c99"]
    )
    assert "--part has its own core; leave out --target" in refused.output


def test_a_float_model_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"CONV_2D .*\(operator 0\).* is float32; .*edgecnn export"):
        compile_with(FLOAT, "--out", tmp_path)
    assert not list(tmp_path.iterdir())
