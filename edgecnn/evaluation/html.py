# SPDX-License-Identifier: Apache-2.0
"""The page around a report, and the pieces that its sections are made of."""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from io import BytesIO
from string import Template

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgecnn import __version__
from edgecnn.escape import for_html

_FEW = 3  # columns, which a telephone has room for
_PARENTHESES = re.compile(r"\([^()]*\)")
_LARGEST_PICTURE = 256  # pixels; a report of large photographs should still be small enough to mail


def page(title: str, summary: str, notices: str, sections: Mapping[str, str], details: str) -> str:
    """Return a whole page, which needs nothing but a browser.

    Args:
        title: of the page, plain text.
        summary: a sentence or two, plain text.
        notices: HTML that stands before the sections.
        sections: heading -> HTML; what is empty is left out.
        details: HTML that stands behind them.
    """
    template = Template(files(__package__).joinpath("report.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=for_html(title),
        summary=for_html(summary),
        notices=notices,
        sections="\n".join(_section(heading, body) for heading, body in sections.items() if body),
        details=details,
        version=for_html(__version__),
    )


def synthetic(whose: str = "") -> str:
    """Return a notice that pictures are the built-in phantoms: all, or those of `whose` runs."""
    of = f" of {for_html(whose)}" if whose else ""
    return (
        f'<p class="notice"><strong>The pictures{of} are synthetic.</strong> They are phantoms, drawn by '
        "edgecnn itself, and show no patient. The figures say how well the tools work, not how well a model "
        "does on real images.</p>"
    )


def _section(heading: str, body: str) -> str:
    return f"<section>\n<h2>{heading}</h2>\n{body}\n</section>"


def text_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of plain text, the first of each row being its header.

    One of many columns becomes a list for each row where the screen is narrow.
    """
    heads = list(map(for_html, columns))
    told = ((for_html(name), _named_cells(heads[1:], texts)) for name, *texts in rows)
    return table(heads, told, "stack" if len(heads) > _FEW else "")


def _named_cells(names: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Return a `<td>` for each text, with the name of its column, which a narrow screen shows beside it."""
    return [
        f'<td data-label="{name}">{whole(for_html(text))}</td>'
        for name, text in zip(names, texts, strict=True)
    ]


def whole(text: str) -> str:
    """Return HTML in which no line ends within parentheses, as of an interval."""
    return _PARENTHESES.sub(lambda match: match[0].replace(" ", "&nbsp;"), text)


def table(columns: Iterable[str], rows: Iterable[tuple[str, Iterable[str]]], css: str = "") -> str:
    """Return a table of HTML: `rows` holds the header of each row and its `<td>` cells."""
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    body = "\n".join(f'<tr><th scope="row">{name}</th>{"".join(tds)}</tr>' for name, tds in rows)
    return (
        f'<div class="scroll"><table class="{css}">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def cells(texts: Iterable[str]) -> list[str]:
    """Return a `<td>` for each piece of HTML."""
    return [f"<td>{text}</td>" for text in texts]


def grid(css: str, items: Iterable[str]) -> str:
    """Return pieces of HTML side by side, as many as fit the screen."""
    return f'<div class="{css}">\n' + "\n".join(items) + "\n</div>"


def note(text: str) -> str:
    """Return a paragraph in small print."""
    return f'<p class="muted">{text}</p>'


def swatches(meanings: Mapping[str, str]) -> str:
    """Return a legend: a colour in CSS -> what has it, HTML."""
    return note(
        "&ensp; ".join(
            f'<span class="swatch" style="background: {colour}"></span>{meaning}'
            for colour, meaning in meanings.items()
        )
    )


def drawing(name: str, keys: Sequence[str], svg: str) -> str:
    """Return a card with a drawing: `keys` name its solid line and, if there are two, its dashed one."""
    css = ("key", "key dashed")
    legend = "".join(f'<span class="{line}">{key}</span>' for line, key in zip(css, keys, strict=False))
    return f'<figure class="card"><figcaption>{name}{legend}</figcaption>{svg}</figure>'


def png(image: npt.NDArray[np.uint8]) -> str:
    """Return a picture as a PNG in base64, made smaller where it is large; (h, w), (h, w, 1) or (h, w, 3)."""
    picture = Image.fromarray(image.squeeze(-1) if image.shape[2:] == (1,) else image)
    picture.thumbnail((_LARGEST_PICTURE, _LARGEST_PICTURE))
    buffer = BytesIO()
    picture.save(buffer, "png")
    return b64encode(buffer.getvalue()).decode()
