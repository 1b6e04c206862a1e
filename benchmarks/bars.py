# SPDX-License-Identifier: Apache-2.0
"""Bar charts as SVG, for light and dark pages: ours beside others'."""

from collections.abc import Callable, Mapping, Sequence
from html import escape

_STYLE = """\
text { font: 12px sans-serif; fill: #24292f }
.title { font-weight: bold }
.axis { stroke: #d0d7de }
.ours { fill: #0550ae }
.others { fill: #afb8c1 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .axis { stroke: #30363d }
  .ours { fill: #79c0ff }
  .others { fill: #6e7681 }
}"""
_LABELS, _PANEL, _GAP, _VALUE = 110, 220, 16, 56  # widths: of labels, of a panel, between two, of a number
_TOP, _BAR, _APART = 62, 12, 10  # heights: of what is above the bars, of a bar, between two rows

Values = Mapping[str, float]  # by row


def bar_chart(
    title: str,
    names: tuple[str, str],
    panels: Mapping[str, tuple[Values, Values]],
    number: Callable[[float], str],
) -> str:
    """Return an SVG with a panel for each entry of `panels`, all with the same rows.

    Args:
        title: what is shown, with its unit.
        names: of ours and of the others, for the legend.
        panels: by title, ours and the others' values, each by row; a row may have one of them or both. The
            longest bar of a panel fills it.
        number: the text of a value.
    """
    rows = list(dict.fromkeys(row for pair in panels.values() for values in pair for row in values))
    places, bottom = _places(rows, panels)
    width = _LABELS + len(panels) * (_PANEL + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom}" width="{width}" '
        f'height="{bottom}">',
        f"<style>{_STYLE}</style>",
        *_legend(title, names, width),
    ]
    for row, (top, height) in places.items():
        y = top + height / 2 + 4
        parts.append(f'<text x="{_LABELS - 8}" y="{y:g}" text-anchor="end">{escape(row)}</text>')
    for index, (name, pair) in enumerate(panels.items()):
        parts += _panel(_LABELS + index * (_PANEL + _GAP), name, pair, places, number)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _places(
    rows: Sequence[str], panels: Mapping[str, tuple[Values, Values]]
) -> tuple[dict[str, tuple[int, int]], int]:
    """Return where each row begins and how high it is, and where the last ends."""
    places, top = {}, _TOP
    for row in rows:
        bars = max(sum(row in values for values in pair) for pair in panels.values())
        places[row] = (top, bars * _BAR)
        top += bars * _BAR + _APART
    return places, top


def _legend(title: str, names: tuple[str, str], width: int) -> list[str]:
    parts, x = [f'<text class="title" x="8" y="18">{escape(title)}</text>'], width - 8
    for kind, name in reversed([*zip(("ours", "others"), names, strict=True)]):
        x -= 7 * len(name)
        parts.append(f'<text x="{x}" y="18">{escape(name)}</text>')
        parts.append(f'<rect class="{kind}" x="{x - 16}" y="8" width="10" height="10"/>')
        x -= 36
    return parts


def _panel(
    left: int,
    name: str,
    pair: tuple[Values, Values],
    places: Mapping[str, tuple[int, int]],
    number: Callable[[float], str],
) -> list[str]:
    parts = [f'<text class="title" x="{left}" y="{_TOP - 14}">{escape(name)}</text>']
    scale = (_PANEL - _VALUE) / max(value for values in pair for value in values.values())
    for row, (top, _) in places.items():
        y = top
        for kind, values in zip(("ours", "others"), pair, strict=True):
            if row in values:
                long = round(values[row] * scale, 1)
                parts.append(
                    f'<rect class="{kind}" x="{left}" y="{y}" width="{long}" height="{_BAR - 1}"/>'
                    f'<text x="{left + long + 5:g}" y="{y + _BAR - 2}">{number(values[row])}</text>'
                )
                y += _BAR
    bottom = max(top + height for top, height in places.values())
    return [*parts, f'<path class="axis" d="M{left} {_TOP - 4}V{bottom + 4}"/>']
