# SPDX-License-Identifier: Apache-2.0
"""`edgecnn verify --serial`: what the compiled self-test prints, through a file and through a terminal."""

import os
import pty
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgecnn.cli.verify import command
from edgecnn.compiler.compile import compile_tflite
from edgecnn.errors import EdgecnnError
from edgecnn.runtime.host_compiler import HostCompiler, execute

TINY = Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"
MAIN = """\
#include <stdio.h>
#include "net_test.h"
static void say(const char *text) { fputs(text, stdout); }
int main(void) { return edgecnn_net_test(say); }
"""

pytestmark = pytest.mark.needs_tool("gcc", package="gcc")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the self-test of the tiny model prints."""
    folder = tmp_path_factory.mktemp("self_test")
    compile_tflite(TINY, name="net").write(folder)
    (folder / "main.c").write_text(MAIN)
    sources = [folder / name for name in ("main.c", "net.c", "net_test.c")]
    HostCompiler(sanitize=True).compile(sources, folder / "program", [f"-I{folder}"])
    return execute(folder / "program").decode()


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """A board's end of a serial line, and the name of the port at the other."""
    board, port = pty.openpty()
    yield board, os.ttyname(port)
    os.close(board)
    os.close(port)


def verify(source: object, *arguments: str) -> Result:
    return CliRunner().invoke(command, [str(TINY), "--serial", str(source), *arguments])


def test_the_format_is_stable(printed: str) -> None:
    lines = printed.splitlines()
    assert lines == [
        "edgecnn-test 1 net 75eeb1a8 vector 0/3 output c2d2ec crc 77d892f2",
        *lines[1:3],
        "edgecnn-test 1 net 75eeb1a8 wrong 0",
    ]


def test_a_log_with_other_lines_in_it(printed: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("boot\n\xff" + printed.replace("\n", "\r\n") + "idle\n", encoding="latin-1")
    result = verify(log)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "0 of 9 bytes differ")


def test_a_board_that_repeats_itself_is_joined_at_any_time(printed: str, terminal: tuple[int, str]) -> None:
    board, port = terminal
    sent = (printed + printed).encode()[40:]
    timer = threading.Timer(
        0.2, lambda: [os.write(board, sent[at : at + 7]) for at in range(0, len(sent), 7)]
    )
    timer.start()
    result = verify(port, "--json", "--timeout", "10")
    timer.join()
    assert result.exit_code == 0, result.output
    assert '"bytes_different": 0' in result.stdout


def test_a_wrong_answer_is_found_and_a_disturbed_line_is_not_one(printed: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    right = bytes.fromhex("c2d2ec")
    wrong = bytes([right[0] ^ 1]) + right[1:]
    disturbed = printed.replace(right.hex(), wrong.hex())
    log.write_text(disturbed)
    with pytest.raises(EdgecnnError, match="lacks vector 0 of 3, or sent it disturbed"):
        CliRunner().invoke(command, [str(TINY), "--serial", str(log)], catch_exceptions=False)
    log.write_text(disturbed.replace(f"{zlib.crc32(right):08x}", f"{zlib.crc32(wrong):08x}"))
    result = verify(log)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "1 of 9 bytes differ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing\n", "no line of a self-test; reset the board"),
        (
            "edgecnn-test 1 net 12345678 vector 0/1 output 00 crc d202ef8d\n",
            "tests model 12345678, the file is",
        ),
        (None, "can't read .*: No such file"),
    ],
)
def test_what_is_wrong_is_one_line(text: str | None, message: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    if text is not None:
        log.write_text(text)
    with pytest.raises(EdgecnnError, match=message):
        CliRunner().invoke(command, [str(TINY), "--serial", str(log)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--serial", "log", "--target", "c99"), "--serial compiles nothing; leave out --target"),
        (("--serial", "log", "--profile"), "--serial compiles nothing; leave out --profile"),
        (("--baud", "9600"), "--baud is of a board's self-test; add --serial, or leave it out"),
    ],
)
def test_options_that_would_be_ignored_are_refused(arguments: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(command, [str(TINY), *arguments])
    assert (result.exit_code, message in result.output) == (2, True)


def test_a_silent_port_is_left_in_time(terminal: tuple[int, str]) -> None:
    result = verify(terminal[1], "--timeout", "1")
    assert "no line of a self-test" in str(result.exception)
