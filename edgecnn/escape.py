# SPDX-License-Identifier: Apache-2.0
"""Text from elsewhere, such as labels and names of files, as each medium shows it, and does no more.

C has its own in compiler/c_text.py; a shell gets `shlex`, JSON `json`; and no such text becomes a path.
"""

import html
import re

LONGEST_LABEL = 255
# Within a line; html.escape does the rest. An underscore between letters emphasizes nothing.
_MARKDOWN = re.compile(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w))")


def for_terminal(text: str) -> str:
    r"""Return `text` as one line that only prints.

    What moves the cursor, sets colours, turns the direction of writing, breaks the line, or is no character
    (a byte of a file's name that is no UTF-8) is spelled out: \x1b, \u202e, \n, \udcff.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def for_html(text: str) -> str:
    """Return `text` as HTML, for the inside of an element or of a quoted attribute."""
    return html.escape(for_terminal(text))


def for_markdown(text: str) -> str:
    """Return `text` as Markdown, for the inside of a line or the cell of a table."""
    return html.escape(_MARKDOWN.sub(r"\\\1", for_terminal(text)), quote=False)


def code_for_markdown(text: str) -> str:
    """Return `text` as code in a line of Markdown or the cell of a table, which no mark in it can end."""
    return "`" + re.sub(r"[`|]", " ", for_terminal(text)) + "`"


def is_label(text: str) -> bool:
    """Say whether `text` can be a label: a line of printable text that is not very long."""
    return bool(text.strip()) and text.isprintable() and len(text) <= LONGEST_LABEL


def label(text: str) -> str:
    """Return a label that a file of anybody's holds as a line of text, cut where it is very long."""
    line = for_terminal(text)
    return line if len(line) <= LONGEST_LABEL else f"{line[: LONGEST_LABEL - 3]}..."
