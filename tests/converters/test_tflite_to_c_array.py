# SPDX-License-Identifier: Apache-2.0
"""The C array: its text, and that compilers accept it and give back the model's bytes."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.converters.tflite_to_c_array import _hex_words, tflite_to_c_array, write_c_array
from edgecnn.errors import ModelError
from edgecnn.runtime.program import WARNINGS

ASSETS = Path(__file__).parents[1] / "assets"
MODEL = (ASSETS / "tiny_int8.tflite").read_bytes()
NASTY = ['quote " and \\', "*/ int main;", "??/", "line\nbreak", "né", "%s", '\\"', "//"]

# Prints the model, then the labels, each ended by a zero byte; fails where the facts are wrong.
MAIN = """
#include "tiny.h"
#include <stdio.h>
#include <string.h>
int main(void)
{
    static const int shape[TINY_INPUT_RANK] = TINY_INPUT_SHAPE;
    static TINY_INPUT_TYPE input[TINY_INPUT_SIZE];
    unsigned i;
    fwrite(TINY_DATA, 1, sizeof TINY_DATA, stdout);
    for (i = 0; i < TINY_LABEL_COUNT; ++i) {
        fwrite(tiny_labels[i], 1, strlen(tiny_labels[i]) + 1, stdout);
    }
    return (uintptr_t)TINY_DATA % 16u || sizeof input != 144u || shape[1] != 12 ||
           TINY_INPUT_SCALE < 0.0039f || TINY_INPUT_ZERO_POINT != -128 || TINY_OUTPUT_ZERO_POINT != -128;
}
"""


def build(folder, compiler, *flags):
    (folder / "main.c").write_text(MAIN)
    program = folder / "program"
    files = ["-I", folder, folder / "main.c", folder / "tiny.c", "-o", program]
    subprocess.run([compiler, *flags, *WARNINGS, *files], check=True, capture_output=True, text=True)
    return subprocess.run([program], check=True, capture_output=True).stdout


@pytest.mark.parametrize("incbin", [False, True])
@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        pytest.param("gcc", ["-std=c99"], marks=pytest.mark.needs_tool("gcc", package="gcc")),
        pytest.param("gcc", ["-std=c17"], marks=pytest.mark.needs_tool("gcc", package="gcc")),
        pytest.param("clang", ["-std=c11"], marks=pytest.mark.needs_tool("clang", package="clang")),
        pytest.param("g++", ["-xc++", "-std=c++11"], marks=pytest.mark.needs_tool("g++", package="g++")),
        pytest.param(
            "clang++", ["-xc++", "-std=c++20"], marks=pytest.mark.needs_tool("clang++", package="clang")
        ),
    ],
)
def test_compilers_give_the_model_and_the_labels_back(tmp_path, compiler, flags, incbin):
    write_c_array(tmp_path, MODEL, "tiny", NASTY, incbin=incbin)
    labels = b"".join(label.encode() + b"\0" for label in NASTY)
    assert build(tmp_path, compiler, *flags) == MODEL + labels


@pytest.mark.needs_tool("gcc", package="gcc")
def test_a_header_of_another_model_is_refused(tmp_path):
    write_c_array(tmp_path, MODEL, "tiny", ["a"])
    other = tflite_to_c_array((ASSETS / "tiny_float32.tflite").read_bytes(), "tiny", ["a"])
    (tmp_path / "tiny.c").write_text(other[1])
    with pytest.raises(subprocess.CalledProcessError) as failure:
        build(tmp_path, "gcc")
    assert "tiny.h and tiny.c come from different models" in failure.value.stderr


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.parametrize("incbin", [False, True])
def test_on_arm_it_is_constant_data_and_big_endian_words_are_refused(tmp_path, incbin):
    write_c_array(tmp_path, MODEL, "tiny", incbin=incbin)
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-I", tmp_path, "-c", tmp_path / "tiny.c", "-o"]
    subprocess.run([*command, tmp_path / "tiny.o"], check=True)
    sizes = subprocess.run(
        ["arm-none-eabi-size", tmp_path / "tiny.o"], capture_output=True, text=True, check=True
    )
    text, data, bss = map(int, sizes.stdout.splitlines()[1].split()[:3])
    assert (text, data, bss) == (len(MODEL), 0, 0)
    big = subprocess.run(
        [*command, tmp_path / "big.o", "-mbig-endian"], capture_output=True, text=True, check=False
    )
    assert ("this target is big-endian" in big.stderr) is not incbin


@pytest.mark.needs_tool("gcc", package="gcc")
def test_incbin_refuses_a_model_that_was_cut(tmp_path):
    write_c_array(tmp_path, MODEL, "tiny", ["a"], incbin=True)
    (tmp_path / "tiny.tflite").write_bytes(MODEL[:-8])
    with pytest.raises(subprocess.CalledProcessError):
        build(tmp_path, "gcc")


@given(st.binary(min_size=1, max_size=200))
def test_words_hold_the_bytes(data):
    numbers = [int(word, 16) for word in _hex_words(data).replace(",", " ").split()]
    padded = b"".join(number.to_bytes(8, "little") for number in numbers)
    assert padded[: len(data)] == data
    assert len(padded) - len(data) < 8
    assert not padded[len(data) :].strip(b"\0")


def test_the_text_depends_on_its_arguments_only_and_names_no_path(tmp_path):
    first, second = tflite_to_c_array(MODEL, "tiny", ["a"]), tflite_to_c_array(MODEL, "tiny", ["a"])
    assert first == second
    assert all("SPDX-License-Identifier: 0BSD" in text and text.isascii() for text in first)
    paths = write_c_array(tmp_path / "new", MODEL, "tiny", ["a"])
    assert [path.name for path in paths] == ["tiny.h", "tiny.c"]
    assert tuple(path.read_text() for path in paths) == first


def test_at_most_three_bytes_of_text_per_byte():
    assert len(_hex_words(bytes(range(256)) * 100)) < 3 * 25600


def test_a_float_model_has_no_scale_and_no_labels_leave_no_trace():
    header, source = tflite_to_c_array((ASSETS / "tiny_float32.tflite").read_bytes(), "net")
    assert re.search(r"NET_INPUT_TYPE +float\n", header)
    assert "SCALE" not in header
    assert "label" not in header + source


@pytest.mark.parametrize(
    ("model", "name"), [(b"", "m"), (b"\0\0\0\0TFL3", "m"), (MODEL[:200], "m"), (MODEL, "int")]
)
def test_what_cannot_be_written_is_one_line(model, name):
    with pytest.raises(ModelError) as error:
        tflite_to_c_array(model, name)
    assert "\n" not in str(error.value)
