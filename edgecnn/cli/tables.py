# SPDX-License-Identifier: Apache-2.0
"""Tables: as wide as the terminal and no word of them broken, or whole where none is looking."""

import sys
from collections.abc import Iterator, Sequence
from textwrap import wrap

import click
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from edgecnn.escape import for_terminal

_GAP = 2  # columns of the terminal between two of a table
_LONG, _SHORT = 36, 20  # that are left of a text before columns go: those that can be spared, and others
_LINES = 2  # that the name of a column may have
_CUT = "..."
_WIDE = "edgecnn.wide"  # where click's context keeps what --wide said
_UNBOUNDED = 1 << 20


def _remember(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    """Keep what --wide says for all tables of the command."""
    context.meta[_WIDE] = value


wide_option = click.option(
    "--wide",
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="Show every column of tables, in full, however narrow the terminal is.",
)


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    spare: Sequence[str] = (),
    text: str | None = None,
) -> None:
    """Print a table, all columns but the first right-aligned.

    With --wide, and where standard output is no terminal, it is printed in full. Otherwise it fits the
    terminal: headings go on in further lines, then a text is shortened and columns are left out.

    Args:
        title: what stands above it.
        columns: their names.
        rows: their cells.
        spare: columns that can be done without, the first ones first; when they are gone the last ones go.
        text: a column of prose, which is shortened and stands on the left as the first one does.
    """
    console = Console()
    console.width = _width()
    flexible = columns.index(text) if text else 0
    lines = [[for_terminal(cell) for cell in line] for line in (columns, *rows)]
    fitted, missing = fit_table(lines, console.width, spare, flexible)
    if title:
        console.print(Text(for_terminal(title), "bold"))
    for line in _drawn(fitted, fitted[0].index(text) if text in fitted[0] else 0):
        console.print(line, soft_wrap=True)
    if missing:
        console.print(Text(f"Not shown: {', '.join(missing)} (--wide, a file or --json has all)."))
    console.print()


def _width() -> int:
    """Return what a table may take; a file has room for all."""
    context = click.get_current_context(silent=True)
    if context is not None and context.meta.get(_WIDE):
        return _UNBOUNDED
    return terminal_width()


def terminal_width() -> int:
    """Return how many columns standard output has; a file has any number."""
    return Console().width if sys.stdout.isatty() else _UNBOUNDED


def fit_table(
    lines: Sequence[Sequence[str]], width: int, spare: Sequence[str] = (), text: int = 0
) -> tuple[list[list[str]], list[str]]:
    """Return what of a table fits a width, in which no word and no number is broken.

    Args:
        lines: the names of the columns, then the rows.
        width: that the terminal has.
        spare: names of columns that can be done without, the first ones first.
        text: the number of the column whose cells are shortened before those of the first are.

    Returns:
        The lines that fit, names of several lines among them, and what is missing in them.
    """
    names, columns = list(lines[0]), list(zip(*lines, strict=True))
    kept = list(range(len(names)))
    widths = [max(map(cell_len, column)) for column in columns]
    if _total(widths) > width:  # a name can go on in the next line
        widths = [max(map(cell_len, ("", *_folded(name), *cells))) for name, *cells in columns]
    least, missing = widths, list[str]()
    for number, shortest in _ranked(names, spare, text):
        least = [min(of, shortest) if i in (0, text) else of for i, of in enumerate(widths)]
        if _total([least[i] for i in kept]) <= width:
            break
        kept.remove(number)
        missing.append(names[number])
    for number in dict.fromkeys((text, 0)):
        if number in kept and (over := _total([widths[i] for i in kept]) - width) > 0:
            widths[number] = max(widths[number] - over, 1 if kept == [0] else least[number])
            missing.append(f"the rest of each {names[number]}")
    head = ["\n".join(_shortened(line, widths[i]) for line in _folded(names[i], widths[i])) for i in kept]
    body = [[_shortened(row[i], widths[i]) for i in kept] for row in lines[1:]]
    return [head, *body], missing


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _ranked(names: Sequence[str], spare: Sequence[str], text: int) -> Iterator[tuple[int, int]]:
    """Yield the numbers of the columns that may go, in that order, and to what texts are shortened before."""
    numbers = [names.index(name) for name in spare if name in names]
    others = [number for number in reversed(range(1, len(names))) if number not in (*numbers, text)]
    yield from ((number, _LONG) for number in numbers)
    yield from ((number, _SHORT) for number in [*others, text] if number != 0)


def _folded(name: str, width: int = 1) -> list[str]:
    """Return the name of a column in two lines at most, no wider than need be; in one, where it has room."""
    if cell_len(name) <= width:
        return [name]
    narrowest = max(width, *map(cell_len, name.split()), 1)
    return next(
        lines
        for room in range(narrowest, max(narrowest, len(name)) + 1)
        if len(lines := wrap(name, room, break_long_words=False, break_on_hyphens=False)) <= _LINES
    )


def _shortened(cell: str, width: int) -> str:
    """Return a cell that is no wider: the first of many words, of a long one its beginning and its end."""
    if cell_len(cell) <= width:
        return cell
    room = width - len(_CUT)
    if room < 2:
        return set_cell_size(_CUT, width)
    begin = set_cell_size(cell, room).rstrip().rpartition(" ")[0]
    if cell_len(begin) >= room // 2:
        return begin + _CUT
    end = cell[-(room // 2) :]
    return set_cell_size(cell, max(0, room - cell_len(end))) + _CUT + end


def _drawn(lines: Sequence[Sequence[str]], text: int) -> Iterator[Text]:
    """Yield the lines of a table, those of its head in bold; `text` is the number of a second left column."""
    cells = [[cell.split("\n") for cell in line] for line in lines]
    widths = [max(cell_len(part) for cell in column for part in cell) for column in zip(*cells, strict=True)]
    for number, line in enumerate(cells):
        height = max(map(len, line))
        for parts in zip(*([""] * (height - len(cell)) + cell for cell in line), strict=True):
            row = (" " * _GAP).join(
                set_cell_size(part, width) if i in (0, text) else " " * (width - cell_len(part)) + part
                for i, (part, width) in enumerate(zip(parts, widths, strict=True))
            )
            yield Text(row.rstrip(), "bold" if number == 0 else "")
        if number == 0:
            yield Text("\u2500" * _total(widths))
