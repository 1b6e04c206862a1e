# SPDX-License-Identifier: Apache-2.0
"""What commands print, whatever models, classes and files are called."""

import pytest
from rich.console import Console

from edgecnn.cli import console
from edgecnn.cli.console import print_table


def test_names_are_not_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("", ("[red]x", "b"), [("[/]", "[link]")])
    assert {"[red]x", "[/]", "[link]"} <= set(capsys.readouterr().out.split())


def test_a_narrow_terminal_cuts_nothing_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console.sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(console, "Console", lambda: Console(width=40, force_terminal=True, no_color=True))
    print_table("", [f"column{index}" for index in range(6)], [["abcdefghijklmn"] * 6])
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert all(shown.count(letter) >= 6 for letter in "abcdefghijklmn")
