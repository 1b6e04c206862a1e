# SPDX-License-Identifier: Apache-2.0
"""What a model takes of a device, each figure against its limit and against another model's.

The tables, the JUnit file and the Markdown summary are made of `Budget`, and so is the JSON that a later
budget may be compared with.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypedDict
from xml.etree import ElementTree as Xml

from edgecnn.errors import DataError
from edgecnn.escape import for_markdown, for_terminal
from edgecnn.values import read_json

SCHEMA = 1  # of the JSON; another one means that a figure's name or meaning has changed
COLUMNS = ("", "takes", "limit", "left")
AGAINST = ("before", "change")


@dataclass(frozen=True)
class Resource:
    """What can be limited.

    Attributes:
        title: what it is called, with its unit.
        form: how a figure is written.
        least: the limit is the least that it may be, else the most.
        points: of a quality; a change of it counts in points, else in percent of what was before.
        whole: points of the whole.
    """

    title: str
    form: str = "{:,.0f}"
    least: bool = False
    points: bool = False
    whole: float = 1.0

    def text(self, value: float) -> str:
        """Return a figure as a table has it."""
        return self.form.format(value)


RESOURCES = {
    "flash": Resource("flash, bytes"),
    "ram": Resource("RAM, bytes"),
    "stack": Resource("worst stack, bytes"),
    "instructions": Resource("instructions"),
    "accuracy": Resource("accuracy", "{:.1%}", least=True, points=True, whole=100.0),
    "loss": Resource("loss, points", "{:.2f}", points=True),
}


@dataclass(frozen=True)
class Line:
    """One figure.

    Attributes:
        resource: a key of `RESOURCES`.
        value: bytes, instructions, accuracy (0..1) or points of it that are lost against float.
        limit: what it may be at most, or accuracy at least; None: anything.
        before: the same of the model that this one is compared with, where that is known.
    """

    resource: str
    value: float
    limit: float | None = None
    before: float | None = None

    @property
    def what(self) -> Resource:
        """Which resource it is of."""
        return RESOURCES[self.resource]

    @property
    def left(self) -> float | None:
        """How far the value is within its limit; negative: beyond it."""
        if self.limit is None:
            return None
        return self.value - self.limit if self.what.least else self.limit - self.value

    @property
    def worse(self) -> float | None:
        """By how many percent it is more than before, or by how many points a quality is worse."""
        if self.before is None:
            return None
        more = self.value - self.before
        if self.what.points:
            return self.what.whole * (-more if self.what.least else more)
        return 100 * more / self.before if self.before else math.copysign(math.inf, more) if more else 0.0

    def faults(self, tolerance: float) -> list[str]:
        """Return what is wrong, in sentences.

        Args:
            tolerance: percent, or points of a quality, by which it may be worse than before.
        """
        what, text = self.what, self.what.text
        faults = []
        if self.left is not None and self.left < 0 and self.limit is not None:
            side = "below" if what.least else "over"
            faults.append(f"{what.title}: {text(self.value)} is {side} the limit, {text(self.limit)}")
        if self.worse is not None and self.before is not None and self.worse > tolerance:
            unit = "points" if what.points else "percent"
            faults.append(
                f"{what.title}: {text(self.value)} was {text(self.before)}, which is {self.worse:.2f} {unit} "
                f"worse; {tolerance:g} may be"
            )
        return faults

    def row(self, against: bool) -> tuple[str, ...]:
        """Return the cells of a table's row, in the order of `COLUMNS` and, where asked for, `AGAINST`."""
        cells = (self.what.title, self.what.text(self.value), *self._limited())
        return cells + self._compared() if against else cells

    def _limited(self) -> tuple[str, str]:
        if self.limit is None or self.left is None:
            return "-", "-"
        left = f"{self.what.whole * self.left:.2f}" if self.what.points else self.what.text(self.left)
        return self.what.text(self.limit), left

    def _compared(self) -> tuple[str, str]:
        if self.before is None or self.worse is None:
            return "-", "-"
        change = -self.worse if self.what.least else self.worse
        return self.what.text(self.before), f"{change:+.2f} points" if self.what.points else f"{change:+.1f}%"


@dataclass(frozen=True)
class Cost:
    """What one operator takes of a resource."""

    operator: str
    value: int


@dataclass(frozen=True)
class Remedy:
    """What a change that was tried makes of a resource that is over its limit."""

    change: str
    resource: str
    value: float

    def sentence(self) -> str:
        """Return what it would help."""
        what = RESOURCES[self.resource]
        return f"{self.change}: {what.title} {what.text(self.value)}"


@dataclass(frozen=True)
class Budget:
    """All figures of a model on a target.

    Attributes:
        model: the file or run.
        sha256: of the .tflite.
        target: the core.
        part: the device that limits come from, if one was named.
        lines: figures, in the order of `RESOURCES`.
        tolerance: percent, or points, that they may be worse than those of the model compared with.
        costliest: of a resource, the operators that take most.
        remedies: what would help where something is over.
    """

    model: str
    sha256: str
    target: str
    part: str | None
    lines: tuple[Line, ...]
    tolerance: float = 0.0
    costliest: Mapping[str, tuple[Cost, ...]] = field(default_factory=dict)
    remedies: tuple[Remedy, ...] = ()

    @property
    def faults(self) -> list[str]:
        """What is over its limit, or has become too much worse."""
        return [fault for line in self.lines for fault in line.faults(self.tolerance)]

    @property
    def title(self) -> str:
        """The model and what it is to fit."""
        return f"{self.model} on {self.part or self.target}"

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return columns and rows as text."""
        against = any(line.before is not None for line in self.lines)
        columns = COLUMNS + (AGAINST if against else ())
        return columns, [line.row(against) for line in self.lines]

    def costs(self) -> list[str]:
        """Return a line for each resource: the operators that take most of it."""
        return [
            f"most {RESOURCES[resource].title}: "
            + ", ".join(f"{cost.operator} {cost.value:,}" for cost in costs)
            for resource, costs in self.costliest.items()
        ]

    def as_json(self) -> dict[str, Any]:
        """Return all of it by name."""
        return asdict(self) | {"lines": [asdict(line) for line in self.lines], "faults": self.faults}


def as_json(budgets: Sequence[Budget]) -> dict[str, Any]:
    """Return what a file of budgets holds."""
    return {"schema": SCHEMA, "budgets": [budget.as_json() for budget in budgets]}


class _Line(TypedDict):
    resource: str
    value: float


class _Budget(TypedDict):
    target: str
    lines: list[_Line]


class _File(TypedDict):
    schema: int
    budgets: list[_Budget]


def read_figures(path: Path) -> dict[str, dict[str, float]]:
    """Return the figures by resource of each target in a file of budgets.

    Raises:
        DataError: it is no such file.
    """
    content = read_json(path, _File, "budgets that 'edgecnn budget --save' wrote", DataError)
    if content["schema"] != SCHEMA:
        raise DataError(f"{path} has schema {content['schema']}, this edgecnn reads {SCHEMA}")
    return {
        budget["target"]: {line["resource"]: line["value"] for line in budget["lines"]}
        for budget in content["budgets"]
    }


def junit(budgets: Sequence[Budget]) -> str:
    """Return a JUnit file: a suite for each budget, a case for each figure."""
    root = Xml.Element("testsuites", name="edgecnn budget")
    for budget in budgets:
        failed = sum(bool(line.faults(budget.tolerance)) for line in budget.lines)
        title, count = for_terminal(budget.title), str(len(budget.lines))
        suite = Xml.SubElement(root, "testsuite", name=title, tests=count, failures=str(failed))
        for line in budget.lines:
            case = Xml.SubElement(suite, "testcase", classname=title, name=RESOURCES[line.resource].title)
            for fault in line.faults(budget.tolerance):
                Xml.SubElement(case, "failure", message=for_terminal(fault))
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def markdown(budgets: Sequence[Budget]) -> str:
    """Return a summary for a pull request."""
    return "\n".join(part for budget in budgets for part in _markdown(budget))


def _markdown(budget: Budget) -> list[str]:
    columns, rows = budget.table()
    cells = [tuple(map(for_markdown, row)) for row in (columns, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    ruler = f"|{' --- |' + ' ---: |' * (len(columns) - 1)}"
    marks = [f"- **{for_markdown(fault)}**" for fault in budget.faults] or ["- within all limits"]
    more = [
        for_markdown(line) for line in (*budget.costs(), *(remedy.sentence() for remedy in budget.remedies))
    ]
    return [
        f"### {for_markdown(budget.title)}\n",
        lines[0],
        ruler,
        *lines[1:],
        "",
        *marks,
        *(f"- {line}" for line in more),
        "",
    ]
