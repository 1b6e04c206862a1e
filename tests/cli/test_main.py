# SPDX-License-Identifier: Apache-2.0
"""How the program ends when something goes wrong."""

import signal

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
