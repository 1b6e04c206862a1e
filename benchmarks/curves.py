# SPDX-License-Identifier: Apache-2.0
"""Line charts as SVG, for light and dark pages: a figure with its interval over what it costs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """\
text { font: 12px sans-serif; fill: #24292f }
.title { font-weight: bold }
.grid { stroke: #d0d7de }
.line0 { --line: #0550ae }
.line1 { --line: #b35900 }
.line2 { --line: #1a7f37 }
.line3 { --line: #8250df }
.level { stroke: #57606a; stroke-dasharray: 4 3 }
polyline, .interval { stroke: var(--line); stroke-width: 2; fill: none }
.interval { stroke-width: 1 }
circle, .key { fill: var(--line) }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .grid { stroke: #30363d }
  .level { stroke: #8b949e }
  .line0 { --line: #79c0ff }
  .line1 { --line: #f0883e }
  .line2 { --line: #56d364 }
  .line3 { --line: #d2a8ff }
}"""
_PANEL, _LEFT, _GAP, _TOP, _HEIGHT, _BELOW = 360, 50, 30, 70, 220, 50  # pixels
_TICKS = (1, 2, 5)  # of each power of ten


@dataclass(frozen=True)
class Point:
    """A figure with its interval, over what it costs."""

    cost: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Panel:
    """A chart beside others, over costs of one kind.

    Attributes:
        title: what the costs are.
        lines: points by the name of a line, which is the same in all panels.
    """

    title: str
    lines: Mapping[str, Sequence[Point]]


def curve_chart(title: str, panels: Sequence[Panel], levels: Mapping[str, float]) -> str:
    """Return an SVG with panels side by side, costs on a logarithmic scale.

    Args:
        title: what the figures are, with their unit.
        panels: with the same lines.
        levels: figures that cost nothing here, as dashed lines, by name.
    """
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    points = [point for panel in panels for line in panel.lines.values() for point in line]
    least = min([*levels.values(), *(point.low for point in points)])
    most = max([*levels.values(), *(point.high for point in points)])
    scale = _Scale(math.floor(least), math.ceil(most))
    width = _LEFT + len(panels) * (_PANEL + _GAP)
    height = _TOP + _HEIGHT + _BELOW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}">',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="8" y="18">{escape(title)}</text>',
        *_legend([*names], levels),
    ]
    for index, panel in enumerate(panels):
        parts += _drawn(panel, _LEFT + index * (_PANEL + _GAP), names, levels, scale)
    return "\n".join([*parts, "</svg>"]) + "\n"


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float

    def y(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return round(_TOP + _HEIGHT * (1 - part), 1)


def _legend(names: Sequence[str], levels: Mapping[str, float]) -> list[str]:
    parts, x = [], 8
    for number, name in enumerate(names):
        parts.append(f'<rect class="line{number} key" x="{x}" y="32" width="10" height="10"/>')
        parts.append(f'<text x="{x + 15}" y="42">{escape(name)}</text>')
        x += 40 + 7 * len(name)
    for name, value in levels.items():
        parts.append(f'<path class="level" d="M{x} 37h20"/>')
        parts.append(f'<text x="{x + 25}" y="42">{escape(name)} {value:.1f}</text>')
        x += 50 + 7 * (len(name) + 5)
    return parts


def _drawn(
    panel: Panel, left: float, names: Sequence[str], levels: Mapping[str, float], scale: _Scale
) -> list[str]:
    costs = [point.cost for line in panel.lines.values() for point in line]
    ticks = _ticks(min(costs), max(costs))

    def x(cost: float) -> float:
        return round(left + _PANEL * math.log(cost / ticks[0]) / math.log(ticks[-1] / ticks[0]), 1)

    parts = [
        f'<text x="{left + _PANEL / 2:g}" y="{_TOP + _HEIGHT + 40}" text-anchor="middle">'
        f"{escape(panel.title)}</text>"
    ]
    for value in range(math.ceil(scale.low), math.floor(scale.high) + 1):
        y = scale.y(value)
        parts.append(f'<path class="grid" d="M{left} {y}h{_PANEL}"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{value}</text>')
    for tick in ticks:
        parts.append(f'<text x="{x(tick)}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{tick:g}</text>')
    parts += [f'<path class="level" d="M{left} {scale.y(value)}h{_PANEL}"/>' for value in levels.values()]
    for name, line in panel.lines.items():
        parts.append(f'<g class="line{names.index(name)}">')
        points = [(x(point.cost), point) for point in sorted(line, key=lambda point: point.cost)]
        joined = " ".join(f"{at},{scale.y(point.value)}" for at, point in points)
        parts.append(f'<polyline points="{joined}"/>')
        for at, point in points:
            parts.append(f'<path class="interval" d="M{at} {scale.y(point.low)}V{scale.y(point.high)}"/>')
            parts.append(f'<circle cx="{at}" cy="{scale.y(point.value)}" r="3"/>')
        parts.append("</g>")
    return parts


def _ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten, from the last not above `low` to the first not below `high`."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    every = [float(f"{tick}e{power}") for power in powers for tick in _TICKS]
    first = max(index for index, tick in enumerate(every) if tick <= low)
    last = min(index for index, tick in enumerate(every) if tick >= high)
    return every[first : max(last, first + 1) + 1]
