# SPDX-License-Identifier: Apache-2.0
"""update runs the weights it was built with and those it takes over, and refuses the rest, in QEMU."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from networks import retrained

from edgecnn.compiler import reference
from edgecnn.compiler.reading.tflite import parse

TINY = (Path(__file__).parents[1] / "assets" / "tiny_int8.tflite").read_bytes()
LATER = retrained(TINY)

pytestmark = [
    pytest.mark.needs_tool("monocypher.c", pypi="pymonocypher"),
    pytest.mark.needs_tool("gcc", package="gcc"),
    pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi"),
    pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm"),
]


@pytest.fixture(autouse=True)
def library(monkeypatch):
    """The library's sources, which make would fetch."""
    monkeypatch.setenv("MONOCYPHER", str(Path(shutil.which("monocypher.c", os.F_OK)).parent))


def output(model: bytes) -> str:
    """What main.c prints of its input, by the reference kernels."""
    graph = parse(model)
    shape = graph.tensors[graph.inputs[0]].shape
    values = (7 * np.arange(np.prod(shape)) % 256 - 128).astype(np.int8).reshape(shape)
    return "output " + " ".join(map(str, reference.run(graph, [values])[0].ravel()))


def test_an_update_takes_over_and_nothing_else_does(example):
    update = example.folder / "retrained.tflite"
    update.write_bytes(LATER)
    example.make(TINY, f"UPDATE={update}", "CFLAGS='-Os -Wundef -Wcast-align -Werror'")
    printed = example.run(f"make -s MODEL=given.tflite UPDATE={update} run").splitlines()
    assert printed == [
        "factory: runs, version 1",
        output(TINY),
        "damaged: refused, no good signature",
        "truncated: refused, no good signature",
        "forged: refused, no good signature",
        "foreign: refused, made for other code",
        "update: runs, version 2",
        output(LATER),
        "factory: refused, older than what runs",
        output(LATER),
    ]
    assert output(TINY) != output(LATER)


def test_an_update_signed_by_another_key_is_refused(example):
    example.make(TINY)
    example.run(
        "head -c 32 /dev/zero > other.key && touch build/offers && "
        "build/sign other.key build/update/model_weights.bin build/update.signed"
    )
    printed = example.call("make -s MODEL=given.tflite run").stdout.splitlines()
    assert "update: refused, no good signature" in printed
    assert "factory: runs, version 1" in printed


def test_the_readme_is_true(example):
    example.check_readme()


def test_what_is_wrong_is_said(example):
    assert "say which model: make MODEL=" in example.call("make").stderr


def test_main_is_short(example):
    assert len((example.folder / "main.c").read_text().splitlines()) < 100
