# SPDX-License-Identifier: Apache-2.0
"""How the program ends when something goes wrong."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgecnn import cli
from edgecnn.errors import EdgecnnError, OtherRuntimeWarning


def _end(monkeypatch: pytest.MonkeyPatch, run: object) -> object:
    """Run the program with `run` in the place of its commands, and return its exit code."""
    # Where the tests run in the background, they inherit that it is ignored.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(cli, "_run", run)
    monkeypatch.setattr("warnings.showwarning", None)  # which `main` sets
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        signal.signal(signal.SIGINT, handler)
    return ended.value.code


def test_a_mistake_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def mistaken() -> None:
        raise EdgecnnError("two\nlines")

    assert _end(monkeypatch, mistaken) == 1
    assert capsys.readouterr().err == "Error: two lines\n"


@pytest.mark.parametrize("becomes", [AssertionError("Concurrent access?"), EdgecnnError("no"), None])
def test_ctrl_c_ends_quietly_whatever_a_library_makes_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], becomes: Exception | None
) -> None:
    def interrupted() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise becomes or error from None

    assert _end(monkeypatch, interrupted) == 130
    assert capsys.readouterr().err == "Interrupted; nothing half-written is left.\n"


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _end(monkeypatch, broken)


def test_our_warnings_are_notes_of_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for category in (OtherRuntimeWarning, UserWarning):
        cli._show_warning("it runs on another", category, "file.py", 7)
    assert capsys.readouterr().err == "Note: it runs on another\nfile.py:7: UserWarning: it runs on another\n"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/a"),
            "runs/a can't be read or written: No space",
        ),
        (
            OSError(errno.EIO, "Input/output error"),
            "a file, or standard output, can't be read or written: Input",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "x" * 5000),
            "can't be read or written: Permission",
        ),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "is not text in UTF-8"),
        (MemoryError("Unable to allocate 3 TiB"), "there is not enough memory; take smaller images"),
        (RecursionError("maximum recursion depth exceeded"), "a file is nested too deep"),
    ],
)
def test_what_the_machine_lacks_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, told: str
) -> None:
    def lacking() -> None:
        raise error

    monkeypatch.setattr(cli, "_drop_output", lambda: None)
    assert _end(monkeypatch, lacking) == 1
    said = capsys.readouterr().err
    assert said.startswith("Error: ")
    assert told in said
    assert said.count("\n") == 1
    assert len(said) < 400


PROGRAM = f"{sys.executable} -c 'from edgecnn.cli import main; main()'"


@pytest.mark.parametrize(
    ("call", "code", "told"),
    [
        (
            "targets >/dev/full",
            1,
            "Error: a file, or standard output, can't be read or written: No space left",
        ),
        (
            "--help >/dev/full",
            1,
            "Error: a file, or standard output, can't be read or written: No space left",
        ),
        ("targets >&-", 0, ""),
        ("targets --json >&-", 0, ""),
        ("inspect absent 2>&-", 1, ""),
        ("inspect $'\\xff'.tflite", 1, "Error: \\udcff.tflite can't be read: No such file"),
        ("report $(printf 'x%.0s' $(seq 300))", 1, "Error: xxx"),
        ("PYTHONIOENCODING=ascii targets", 0, ""),
    ],
)
def test_a_stream_or_name_that_cannot_be_used_is_one_line_at_most(
    tmp_path: Path, call: str, code: int, told: str
) -> None:
    before, _, after = call.rpartition("=ascii ")
    line = f"{before + '=ascii ' if before else ''}{PROGRAM} {after}"
    done = subprocess.run(["bash", "-c", line], check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == code
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == bool(told)
