# SPDX-License-Identifier: Apache-2.0
"""Tables fit a terminal, no word or number of them is broken, and a file has all of them."""

import re
from collections.abc import Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from edgecnn.cli import tables
from edgecnn.cli.inspect import command as inspect_command
from edgecnn.cli.program import edgecnn
from edgecnn.cli.tables import fit_table, print_table, wide_option
from edgecnn.cli.targets import command as targets_command
from edgecnn.compiler.targets import TARGETS
from edgecnn.evaluation import summary

TINY = Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"
CLASSES = [
    ("float32", "91.2%", "-", "100.0%", "237,586", "216,651", "379", "427"),
    ("int8, post-training", "91.2%", "0.00 (-0.24 to 0.24)", "99.5%", "68,334", "58,228", "147", "175"),
]
MASKS = [
    ("float32", "87.3% (85.0 to 89.2)", "-", "79.1%", "88.0%", "95.2%", "100.0%", *CLASSES[0][4:]),
    ("int8, post-training", "87.1% (84.8 to 89.0)", "0.1 (-0.0 to 0.3)", *["99.5%"] * 4, *CLASSES[1][4:]),
]
DEVICE = [
    ("int8", "65,463", "59,907", "7,988", "18,121,952", "15,159,744", "cortex-m4", "measured", "79.3"),
    ("int8, pruned + QAT", "7,899", "3,095", "812", "166,518", "756,838", "cortex-m4", "measured", "9.1"),
]
BINARY = [
    ("int8, pruned + QAT", "0.931 (0.921 to 0.940)", "81.2% (78.0 to 84.1)", "0.512", "84.0%", "88.8%"),
]
TABLES = {
    "classes": ((*summary.COLUMNS, *summary.COST_COLUMNS), CLASSES, summary.SPARE_COLUMNS),
    "masks": ((*summary.MASK_COLUMNS, *summary.COST_COLUMNS), MASKS, summary.SPARE_COLUMNS),
    "device": (summary.DEVICE_COLUMNS, DEVICE, summary.SPARE_DEVICE_COLUMNS),
    "binary": (summary.BINARY_COLUMNS, BINARY, summary.SPARE_BINARY_COLUMNS),
}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Sequence[int]:
    """Let standard output be a terminal as wide as the number in the list that is returned."""
    width = [80]
    monkeypatch.setattr(tables, "terminal_width", lambda: width[0])
    return width


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("name", TABLES)
def test_what_fits_has_whole_cells_and_the_columns_of_highest_rank(name: str, width: int) -> None:
    columns, rows, spare = TABLES[name]
    [head, *body], missing = fit_table([columns, *rows], width, spare)
    names = [column.replace("\n", " ") for column in head]
    assert names == [column for column in columns if column not in missing]
    assert [list(row) for row in body] == [[row[columns.index(one)] for one in names] for row in rows]
    assert (
        sum(max(map(len, "\n".join(column).split("\n"))) + 2 for column in zip(head, *body, strict=True)) - 2
        <= width
    )
    assert missing == [one for one in spare if one in missing] or not spare


@pytest.mark.parametrize("width", range(1, 90, 4))
@pytest.mark.parametrize("name", TABLES)
def test_no_line_is_wider_than_the_terminal(
    terminal: list[int], capsys: pytest.CaptureFixture[str], name: str, width: int
) -> None:
    columns, rows, spare = TABLES[name]
    terminal[0] = width
    print_table("", columns, rows, spare)
    shown = capsys.readouterr().out.split("Not")[0]
    assert max(map(len, map(str.rstrip, shown.splitlines()))) <= max(width, 3)
    number = re.compile(r"[\d,.]*\d%?")
    whole = set(number.findall(" ".join((*columns, *(cell for row in rows for cell in row)))))
    assert width < 20 or set(number.findall(shown)) <= whole


def test_of_a_long_name_its_ends_are_left_and_of_a_sentence_its_beginning() -> None:
    lines = [["model", "bytes"], ["runs/of/last/november/number_17/model_int8.tflite", "68,334"]]
    [_, [name, size]], missing = fit_table(lines, 40)
    assert len(name) + 2 + len(size) == 40
    assert (name[:9], name[-12:], "..." in name) == ("runs/of/l", "_int8.tflite", True)
    assert (size, missing) == ("68,334", ["the rest of each model"])
    lines = [["target", "ready"], ["cortex-m4", "arm-none-eabi-gcc is not installed; apt install gcc-arm"]]
    [_, [target, ready]], _ = fit_table(lines, 45, text=1)
    assert (target, ready) == ("cortex-m4", "arm-none-eabi-gcc is not...")


def test_a_pipe_gets_all_of_it_whatever_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    columns, rows, spare = TABLES["masks"]
    shown = set()
    for width in ("20", "80", "400"):
        monkeypatch.setenv("COLUMNS", width)
        print_table("A title", columns, [*rows, ("x" * 300, *rows[0][1:])], spare)
        shown.add(capsys.readouterr().out)
    [text] = shown
    lines = text.splitlines()
    assert all(column in lines[1] for column in columns)
    assert all(cell in lines[number + 3] for number, row in enumerate(rows) for cell in row)
    assert "x" * 300 in lines[-2]


def test_help_in_a_pipe_is_the_same_whatever_the_terminal() -> None:
    shown = {
        CliRunner(env={"COLUMNS": width}).invoke(edgecnn, ["compile", "--help"]).stdout
        for width in ("40", "200")
    }
    assert len(shown) == 1


def test_wide_shows_all_on_a_terminal(terminal: list[int]) -> None:
    columns, rows, spare = TABLES["masks"]

    @click.command()
    @wide_option
    def command() -> None:
        print_table("", columns, rows, spare)

    narrow, wide = (CliRunner().invoke(command, arguments).stdout for arguments in ([], ["--wide"]))
    assert "Not shown: p95 µs, gzip, pixel" in narrow
    assert all(column in wide.splitlines()[0] for column in columns)
    assert "--wide" not in wide


def test_inspect_shows_op_shape_macs_and_bytes_at_80_columns(terminal: list[int]) -> None:
    lines = CliRunner().invoke(inspect_command, [str(TINY)], catch_exceptions=False).stdout.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("operator"))
    assert max(map(len, lines[head - 1 : head + 7])) <= 80
    [line] = [line for line in lines if "CONV_2D" in line]
    assert re.search(r"0 CONV_2D .*1x10x10x4 .*3,600 +52", line)


def test_targets_say_what_is_ready_at_80_columns(terminal: list[int]) -> None:
    lines = CliRunner().invoke(targets_command, [], catch_exceptions=False).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert {line.split()[0] for line in lines if line.split()[:1]} >= set(TARGETS)


def test_names_are_not_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("", ("[red]x", "b"), [("[/]", "[link]")])
    assert {"[red]x", "[/]", "[link]"} <= set(capsys.readouterr().out.split())
