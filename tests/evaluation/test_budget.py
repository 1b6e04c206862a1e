# SPDX-License-Identifier: Apache-2.0
"""Budgets: what is over, what has become worse, and the files that say so."""

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from edgecnn.errors import DataError
from edgecnn.evaluation.budget import Budget, Cost, Line, Remedy, as_json, junit, markdown, read_figures

NAME = "a<b|c_d.tflite"


def budget(*lines: Line, tolerance: float = 0.0) -> Budget:
    return Budget(
        NAME,
        "0" * 64,
        "cortex-m4",
        None,
        lines,
        tolerance,
        {"flash": (Cost("1 CONV_2D", 320), Cost("2 SOFTMAX", 8))},
        (Remedy("--optimize size", "flash", 900),),
    )


@pytest.mark.parametrize(
    ("line", "left", "over"),
    [
        (Line("flash", 1000, 1000), 0, False),
        (Line("flash", 1001, 1000), -1, True),
        (Line("instructions", 5, None), None, False),
        (Line("accuracy", 0.9, 0.9), 0, False),
        (Line("accuracy", 0.89, 0.9), pytest.approx(-0.01), True),
        (Line("accuracy", 0.95, 0.9), pytest.approx(0.05), False),
        (Line("loss", 1.5, 1.0), -0.5, True),
        (Line("loss", -0.5, 1.0), 1.5, False),
    ],
)
def test_a_limit_is_the_most_and_of_accuracy_the_least(line: Line, left: float, over: bool) -> None:
    assert line.left == left
    assert bool(line.faults(0)) == over


@pytest.mark.parametrize(
    ("line", "worse", "over"),
    [
        (Line("flash", 102, before=100), pytest.approx(2), True),
        (Line("flash", 90, before=100), pytest.approx(-10), False),
        (Line("stack", 1, before=0), float("inf"), True),
        (Line("stack", 0, before=0), 0, False),
        (Line("accuracy", 0.88, before=0.9), pytest.approx(2), True),
        (Line("accuracy", 0.92, before=0.9), pytest.approx(-2), False),
        (Line("loss", 1.5, before=-0.5), 2, True),
        (Line("ram", 1), None, False),
    ],
)
def test_what_is_worse_than_before_counts_in_percent_or_points(
    line: Line, worse: float | None, over: bool
) -> None:
    assert line.worse == worse
    assert bool(line.faults(1)) == over
    assert not line.faults(float("inf"))


def test_a_fault_says_what_it_is_and_what_was_allowed() -> None:
    line = Line("flash", 70_000, 65_536, 60_000)
    assert line.faults(2) == [
        "flash, bytes: 70,000 is over the limit, 65,536",
        "flash, bytes: 70,000 was 60,000, which is 16.67 percent worse; 2 may be",
    ]


def test_a_row_has_the_change_where_something_is_compared() -> None:
    columns, rows = budget(Line("flash", 102, 200, 100), Line("accuracy", 0.9, 0.85)).table()
    assert columns == ("", "takes", "limit", "left", "before", "change")
    assert rows == [
        ("flash, bytes", "102", "200", "98", "100", "+2.0%"),
        ("accuracy", "90.0%", "85.0%", "5.00", "-", "-"),
    ]
    assert len(budget(Line("flash", 102)).table()[0]) == 4


def test_junit_has_a_failure_for_each_figure_that_is_over() -> None:
    root = Xml.fromstring(junit([budget(Line("flash", 9, 8), Line("ram", 7, 8))]))
    [suite] = root
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == (
        f"{NAME} on cortex-m4",
        "2",
        "1",
    )
    assert [[failure.get("message") for failure in case] for case in suite] == [
        ["flash, bytes: 9 is over the limit, 8"],
        [],
    ]


def test_a_summary_is_markdown_that_a_name_can_not_break() -> None:
    text = markdown([budget(Line("flash", 9, 8))])
    assert "a&lt;b\\|c_d.tflite on cortex-m4" in text
    assert "| flash, bytes | 9 | 8 | -1 |" in text
    assert "- **flash, bytes: 9 is over the limit, 8**" in text
    assert "- --optimize size: flash, bytes 900" in text
    assert "- within all limits" in markdown([budget(Line("flash", 7, 8))])


def test_figures_come_back_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "main.json"
    file.write_text(json.dumps(as_json([budget(Line("flash", 9, 8), Line("loss", -0.5))])))
    assert read_figures(file) == {"cortex-m4": {"flash": 9, "loss": -0.5}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "main.json is damaged: it does not hold budgets that 'edgecnn budget --save' wrote"),
        ('{"schema": 2, "budgets": []}', "has schema 2, this edgecnn reads 1"),
        ('{"schema": 1, "budgets": [{"target": "c99"}]}', "lacks lines"),
    ],
)
def test_another_file_is_refused(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "main.json"
    file.write_text(content)
    with pytest.raises(DataError, match=message):
        read_figures(file)
