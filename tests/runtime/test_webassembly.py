# SPDX-License-Identifier: Apache-2.0
"""Programs in WebAssembly, run by Node.js: bytes and failures."""

import pytest

from edgecnn.compiler.targets import find_target
from edgecnn.errors import EdgecnnError, MissingToolError
from edgecnn.runtime.program import Program
from edgecnn.runtime.webassembly import WebAssembly

HARNESS = """
#include <string.h>
#include "program.h"
int program_setup(void) { return SETUP; }
int program_run(const int8_t *input, int8_t *output)
{
    memcpy(output, input + 1, 2);
    return memcmp(input, "bad", 3) == 0 ? 4 : 0;
}
"""


def run(target: str, inputs: list[bytes], setup: str = "0") -> list[bytes]:
    program = Program((), HARNESS.replace("SETUP", setup), 3, 2)
    return WebAssembly(find_target(target)).run(program, inputs)


@pytest.mark.parametrize("target", ["wasm32"])
def test_every_byte_arrives_and_comes_back(target: str) -> None:
    inputs = [bytes((a, 255 - a, 10)) for a in range(256)]
    assert run(target, inputs) == [data[1:] for data in inputs]


@pytest.mark.parametrize("target", ["wasm32"])
def test_failures_are_reported(target: str) -> None:
    with pytest.raises(EdgecnnError, match="program_run returned 4"):
        run(target, [b"abc", b"bad"])
    with pytest.raises(EdgecnnError, match="program_setup returned -1"):
        run(target, [b"abc"], setup="-1")


def test_a_missing_tool_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: str) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="apt install clang lld wasi-libc"):
        run("wasm32", [b"abc"])
