# SPDX-License-Identifier: Apache-2.0
"""What commands print, whatever models, classes and files are called."""

import re

import pytest
from rich.console import Console

from edgecnn.cli import console
from edgecnn.cli.console import print_table
from edgecnn.evaluation import summary


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


CLASSES = [
    ("float32", "91.2%", "-", "100.0%", "237,586", "216,651", "379", "427"),
    ("int8, post-training", "91.2%", "0.00 (-0.24 to 0.24)", "99.5%", "68,334", "58,228", "147", "175"),
]
MASKS = [
    ("float32", "87.3% (85.0 to 89.2)", "-", "79.1%", "88.0%", "95.2%", "100.0%", *CLASSES[0][4:]),
    (
        "int8, post-training",
        "87.1% (84.8 to 89.0)",
        "0.1 (-0.0 to 0.3)",
        *CLASSES[1][3:4] * 4,
        *CLASSES[1][4:],
    ),
]


@pytest.mark.parametrize(
    ("columns", "rows"), [(summary.COLUMNS, CLASSES), (summary.MASK_COLUMNS, MASKS)], ids=["classes", "masks"]
)
def test_the_figures_of_a_run_fit_80_columns_without_those_of_least_rank(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: tuple[str, ...],
    rows: list[tuple[str, ...]],
) -> None:
    columns = (*columns, *summary.COST_COLUMNS)
    print_table("", columns, rows, summary.SPARE_COLUMNS)
    [head, *_] = capsys.readouterr().out.strip().splitlines()
    assert all(column in head for column in columns)  # a file has them all
    monkeypatch.setattr(console.sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(console, "Console", lambda: Console(width=80, force_terminal=True, no_color=True))
    print_table("", columns, rows, summary.SPARE_COLUMNS)
    *shown, more = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).strip().splitlines()
    assert max(map(len, shown)) <= 80
    assert len([line for line in shown if line.strip()]) == 4  # head, rule, two rows that aren't wrapped
    assert more.startswith("A wider terminal, a file or --json has more: p95 µs, gzip")
    assert all(column in shown[0] for column in (*columns[:3], "bytes"))
