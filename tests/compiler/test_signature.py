# SPDX-License-Identifier: Apache-2.0
"""Several inputs and outputs go by the names and the order of the signature, in C, JSON and inspect."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from generated_c import random_inputs, run_c, run_numpy
from tflite_builder import SAME, Builder

from edgecnn.cli.verify import command as verify
from edgecnn.compiler import compile_tflite
from edgecnn.compiler.inspect import inspect
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.model import suffixes
from edgecnn.compiler.writing.shared import shared_text
from edgecnn.converters.preprocess_to_c import preprocess_to_c
from edgecnn.converters.tflite_to_c_array import tflite_to_c_array
from edgecnn.errors import ModelError
from edgecnn.runtime.host_compiler import HostCompiler

NASTY = '*/ "); } int main(void) { /* \\ \n#error ??/'


def model(inputs: tuple[str, str], outputs: tuple[str, str, str], *, real: bool = False) -> bytes:
    """Two inputs, which are added, and a map, a vector and a sum, which the file lists the other way round.

    `inputs` and `outputs` are the names of them in the signature, "" where it leaves one out. With `real` the
    file has floats at the edges.
    """
    builder = Builder(7)
    ends = [builder.input((1, 6, 6, 2)), builder.input((1, 6, 6, 2), 0.03, 5)]
    at = builder.add(builder.conv(ends[0], 2, padding=SAME), ends[1])
    made = [builder.conv(at, 3), builder.mean(at, keep_dims=False), builder.add(at, at)]
    if real:
        made = [builder.dequantize(output) for output in made]
    names = [
        {name: tensor for name, tensor in zip(titles, tensors, strict=True) if name}
        for titles, tensors in ((inputs, ends), (outputs, made))
    ]
    builder.signatures = [("serving_default", *names)]
    return builder.build((ends[1], ends[0]), tuple(reversed(made)))


def parameters(header: str) -> list[str]:
    """Return the names of what `run` takes behind `nn`."""
    [listed] = re.findall(r"_run\(\w+ \*nn, (.*)\);", header)
    return [re.sub(r".*\*", "", parameter) for parameter in listed.split(", ")]


def test_names_and_order_are_the_signature_s(tmp_path: Path) -> None:
    data = model(("left", "Right"), ("zeta", "alpha", "mid"))
    compiled = compile_tflite(data, name="net")
    wanted = ["input_left", "input_Right", "output_zeta", "output_alpha", "output_mid"]
    assert parameters(compiled.header) == wanted
    assert "   output_zeta  int8[1][4][4][3]   real = " in compiled.header
    assert ', "zeta" in the model\n' in compiled.header
    assert "#define EDGECNN_NET_OUTPUT_ALPHA_SIZE 2u" in compiled.header
    assert "float edgecnn_net_dequantize_alpha(int8_t q);" in compiled.header
    plan = compiled.plan
    assert [edge["name"] for edge in (*plan["inputs"], *plan["outputs"])] == wanted
    assert [edge["signature_name"] for edge in plan["outputs"]] == ["zeta", "alpha", "mid"]
    assert [edge["shape"] for edge in plan["outputs"]] == [[1, 4, 4, 3], [1, 2], [1, 6, 6, 2]]
    (tmp_path / "net.tflite").write_bytes(data)
    shown = inspect(tmp_path / "net.tflite")
    assert [edge["signature_name"] for edge in (*shown["inputs"], *shown["outputs"])] == [
        "left",
        "Right",
        "zeta",
        "alpha",
        "mid",
    ]
    with pytest.raises(
        ModelError, match="takes input_left, input_Right and makes output_zeta, output_alpha, ou"
    ):
        shared_text(compiled.model)


def test_the_bytes_come_in_that_order() -> None:
    data = model(("left", "right"), ("zeta", "alpha", "mid"))
    inputs = random_inputs(data, 3)
    [made] = run_c([compile_tflite(data, name="net")], [[one[::-1] for one in inputs]])
    for got, expected in zip(made, run_numpy(data, inputs), strict=True):
        wanted = b"".join(value.tobytes() for value in expected[::-1])
        np.testing.assert_array_equal(got, np.frombuffer(wanted, np.int8))


def test_verify_names_them(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(model(("left", "right"), ("zeta", "alpha", "mid")))
    shown = CliRunner().invoke(verify, [str(path), "--inputs", "2"], catch_exceptions=False).stdout
    assert "different outputs            output_zeta 2, output_alpha 2, output_mid 2\n" in shown
    assert shown.endswith("0 of 244 bytes differ\n")


def test_the_manual_of_preprocessing_names_them() -> None:
    builder = Builder()
    source = builder.input((1, 6, 6, 1))
    made = [builder.conv(source, 2), builder.conv(source, 3)]
    builder.signatures = [("serving_default", {"image": source}, {"z": made[1], "a": made[0]})]
    header, _ = preprocess_to_c(builder.build((source,), tuple(made)), "net")
    assert "if (edgecnn_net_push_row(&nn, row, output_z, output_a) == 1)" in header


def test_a_c_array_lists_them_as_an_interpreter_numbers_them() -> None:
    header, _ = tflite_to_c_array(model(("left", "right"), ("zeta", "alpha", "mid")), "net")
    listed = re.findall(r'^ \*   (?:in|out)put .*"(.*)"$', header, re.MULTILINE)
    assert listed == ["right", "left", "mid", "alpha", "zeta"]


@pytest.mark.parametrize(
    ("titles", "names"),
    [
        (["one"], [""]),
        (["a", "z"], ["_a", "_z"]),
        (["output_0", "output_1"], ["_0", "_1"]),
        (["", ""], ["0", "1"]),
        (["0", ""], ["_0", "1"]),
        (["a", "A", "a_1"], ["_a", "_A_1", "_a_1_2"]),
        (["box:0", "box/0", "__box__0"], ["_box_0", "_box_0_1", "_box_0_2"]),
        (["größe", "大小", "int"], ["_gr_e", "1", "_int"]),
        ([NASTY, "b"], ["_int_main_void_error", "_b"]),
        (["x" * 99, "x" * 98], ["_" + "x" * 32, "_" + "x" * 32 + "_1"]),
    ],
)
def test_names_are_identifiers_and_differ(titles: list[str], names: list[str]) -> None:
    assert suffixes("output", titles) == names
    assert len({name.upper() for name in names}) == len(names)


@pytest.mark.parametrize("real", [False, True])
def test_whatever_the_names_are_the_c_compiles(tmp_path: Path, real: bool) -> None:
    """Names that are others with something behind them, or try to break out of their place."""
    titles = [
        ("a", "a_q", "a_0"),
        (NASTY, "int", "arena"),
        ("Identity", "Identity_1", ""),
        ("nn", "q", "row"),
    ]
    for number, outputs in enumerate(titles):
        data = model(("nn", "lines"), outputs, real=real)
        compile_tflite(data, name=f"net{number}").write(tmp_path)
    every = tmp_path / "every.c"
    every.write_text("".join(f'#include "net{number}.c"\n' for number in range(len(titles))))
    tests = [tmp_path / f"net{number}_test.c" for number in range(len(titles))]
    for source in (every, *tests):
        HostCompiler("gcc", "c99", flags=("-O0",)).compile([source], tmp_path / "net.o", ["-c"])


def test_a_signature_that_names_others_is_left_alone() -> None:
    builder = Builder()
    source = builder.input((1, 4))
    made = [builder.operator(op, (source,), builder.tensor((1, 4), "int8", 0.1)) for op in ("ABS", "RELU")]
    builder.signatures = [("s", {"x": source}, {"only": made[1], "none": 77})]
    data = builder.build((source,), tuple(made))
    assert parse(data).in_signature_order().outputs == tuple(made)
    assert parameters(compile_tflite(data, name="net").header) == ["input", "output0", "output_only"]
