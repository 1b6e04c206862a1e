# SPDX-License-Identifier: Apache-2.0
"""tflm_c_array: what needs no TFLM compiles, and with a tree of TFLM the output is that of linux_c."""

import os
from pathlib import Path

import pytest
from networks import cainvas, residual, small

from edgecnn.compiler.reading.tflite import parse

TINY = (Path(__file__).parents[1] / "assets" / "tiny_int8.tflite").read_bytes()
TFLM = os.environ.get("EDGECNN_TFLM", "")

pytestmark = pytest.mark.needs_tool("gcc", package="gcc")


@pytest.mark.needs_tool("g++", package="g++")
def test_the_array_is_c_and_cpp_and_each_op_is_registered_once(example):
    example.make(small(), "CFLAGS='-O2 -Wundef -Wcast-align -Werror'")
    example.run("g++ -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only build/model.c")
    first, *adds = (example.folder / "build" / "model_ops.inc").read_text().splitlines()
    ops = {operator.op for operator in parse(small()).operators}
    assert first == f"static tflite::MicroMutableOpResolver<{len(ops)}> resolver;"
    assert len(adds) == len(set(adds)) == len(ops)
    assert "resolver.AddDepthwiseConv2D();" in adds


@pytest.mark.skipif(not TFLM, reason="needs a built tree of tflite-micro in EDGECNN_TFLM")
@pytest.mark.needs_tool("g++", package="g++")
@pytest.mark.parametrize(
    "model", [TINY, cainvas(), small(), residual()], ids=["tiny", "cainvas", "small", "rgb"]
)
def test_tflm_and_linux_c_give_the_same_bytes(model, example):
    example.make(model, f"TFLM={TFLM} CXXFLAGS='-O2 -Werror'")
    example.run("make -C ../linux_c MODEL=../tflm_c_array/given.tflite")
    picture = "P6 20 30 255 " + "".join(chr(33 + 7 * i % 90) for i in range(20 * 30 * 3))
    (example.folder / "picture.ppm").write_text(picture)
    theirs = example.run("./classify < picture.ppm").splitlines()
    ours = example.run("../linux_c/classify picture.ppm").splitlines()
    assert theirs[0] == ours[1]


def test_the_readme_is_true(example):
    example.check_readme()


def test_what_is_wrong_is_said(example):
    assert "say which model: make MODEL=" in example.call("make").stderr
    done = example.call("make MODEL=../../tests/assets/tiny_int8.tflite TFLM=nowhere")
    assert "no library in nowhere/gen: see README.md" in done.stderr


def test_main_is_short(example):
    assert len((example.folder / "main.cc").read_text().splitlines()) < 100
