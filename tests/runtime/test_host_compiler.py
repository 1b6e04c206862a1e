# SPDX-License-Identifier: Apache-2.0
"""Compiling and running C on this machine, and what is said when that fails."""

import ctypes
from pathlib import Path

import pytest

from edgecnn.errors import EdgecnnError, MissingToolError
from edgecnn.runtime.host_compiler import HostCompiler, execute
from edgecnn.runtime.program import Program

GCC = pytest.mark.needs_tool("gcc", package="gcc")
CLANG = pytest.mark.needs_tool("clang", package="clang")
COMPILERS = [pytest.param("gcc", marks=GCC), pytest.param("clang", marks=CLANG)]
HARNESS = """
#include "program.h"
int program_setup(void) { return 0; }
int program_run(const int8_t *input, int8_t *output)
{
    BODY
    return 0;
}
"""


def program(body: str, sources: tuple[Path, ...] = ()) -> Program:
    return Program(sources, HARNESS.replace("BODY", body), input_bytes=4, output_bytes=3)


@pytest.mark.parametrize("sanitize", [False, True])
@pytest.mark.parametrize("cc", COMPILERS)
def test_every_byte_arrives_and_comes_back(cc: str, sanitize: bool) -> None:
    inputs = [bytes((a, 0, 255, 10)) for a in range(256)]
    backwards = program("for (int i = 0; i < 3; i++) { output[i] = input[3 - i]; }")
    outputs = HostCompiler(cc, sanitize=sanitize).run(backwards, inputs)
    assert outputs == [data[:0:-1] for data in inputs]


@GCC
def test_an_input_of_another_size_is_refused() -> None:
    with pytest.raises(EdgecnnError, match="input 1 has 5 bytes; the program takes 4"):
        HostCompiler().run(program(""), [bytes(4), bytes(5)])
    with pytest.raises(EdgecnnError, match="no inputs"):
        HostCompiler().run(program(""), [])


@pytest.mark.parametrize("cc", COMPILERS)
@pytest.mark.parametrize(
    ("body", "warning"),
    [
        ("int unused = 1; output[0] = input[0];", "unused"),
        ("int wide = input[0]; output[0] = wide;", "conver"),
        ("output[0] = input[0]; int input = 1; (void)input;", "input"),
    ],
)
def test_warnings_are_errors(cc: str, body: str, warning: str) -> None:
    with pytest.raises(EdgecnnError, match=f"{cc}: .*harness.c:.*error:.*{warning}"):
        HostCompiler(cc).run(program(body), [bytes(4)])


@pytest.mark.parametrize("cc", COMPILERS)
@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ("output[0] = input[4 + input[0]];", "AddressSanitizer: global-buffer-overflow .* in program_run"),
        ("output[3 + input[0]] = 0;", "AddressSanitizer: global-buffer-overflow .* in program_run"),
        ("int big = 0x7fffffff + input[0] + 1; output[0] = (int8_t)big;", "runtime error: signed integer"),
        ("output[0] = (int8_t)(1 << (input[0] + 40));", "runtime error: shift exponent 40"),
    ],
)
def test_a_sanitizer_ends_the_program(cc: str, body: str, finding: str) -> None:
    with pytest.raises(EdgecnnError, match=finding) as caught:
        HostCompiler(cc, sanitize=True, flags=("-O1",)).run(program(body), [bytes(4)])
    assert "\n" not in str(caught.value)


@GCC
def test_an_undefined_function_is_named() -> None:
    body = "extern int nowhere(void); output[0] = input[0]; return nowhere();"
    with pytest.raises(EdgecnnError, match="undefined reference to `nowhere'"):
        HostCompiler().run(program(body), [bytes(4)])


@GCC
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("output[0] = input[0]; return 7;", "program: program_run returned 7"),
        ("output[0] = input[0]; *(volatile int *)8 = 1;", "program: stopped by SIGSEGV"),
        ("volatile int on = 1; while (on) { output[0] = input[0]; }", "still running after 0.5 seconds"),
    ],
)
def test_a_program_that_fails(body: str, reason: str) -> None:
    with pytest.raises(EdgecnnError, match=reason):
        HostCompiler(flags=()).run(program(body), [bytes(4)], timeout=0.5)


@GCC
def test_a_setup_that_fails() -> None:
    refuses = Program((), HARNESS.replace("{ return 0; }", "{ return -1; }").replace("BODY", ""), 4, 3)
    with pytest.raises(EdgecnnError, match="program_setup returned -1"):
        HostCompiler(flags=("-Wno-unused-parameter",)).run(refuses, [bytes(4)])


@GCC
def test_a_shared_object(tmp_path: Path) -> None:
    source, library = tmp_path / "add.c", tmp_path / "add.so"
    source.write_text("int add(int a, int b);\nint add(int a, int b) { return a + b; }\n")
    HostCompiler().compile([source], library)
    assert ctypes.CDLL(str(library)).add(40, 2) == 42


@pytest.mark.parametrize(
    "cc",
    [
        pytest.param("g++", marks=pytest.mark.needs_tool("g++", package="g++")),
        pytest.param("clang++", marks=CLANG),
    ],
)
def test_c_as_cpp(cc: str, tmp_path: Path) -> None:
    source = tmp_path / "main.c"
    source.write_text("#ifndef __cplusplus\n#error C\n#endif\nint main() { return nullptr != nullptr; }\n")
    HostCompiler(cc, "c++11").compile([source], tmp_path / "main")
    assert execute(tmp_path / "main") == b""


def test_a_missing_compiler_names_its_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="gcc is not installed; apt install gcc libc6-dev"):
        HostCompiler().run(program(""), [bytes(4)])
