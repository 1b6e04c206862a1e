# SPDX-License-Identifier: Apache-2.0
"""The table of variants."""

from typing import Any

import pytest

from edgecnn.evaluation.summary import (
    COLUMNS,
    COST_COLUMNS,
    latency_note,
    microseconds,
    summary_rows,
    variant_title,
)


def variant(**changes: Any) -> dict[str, Any]:
    scores = {
        "accuracy": 0.9337,
        "balanced_accuracy": 0.93,
        "accuracy_loss": 0.4,
        "accuracy_loss_ci95": [-0.08, 0.88],
        "agreement": 0.986,
        "bytes": 66240,
        "gzip_bytes": 38810,
        "sparsity": 0.5,
        "latency_us": {"median": 235.4, "p95": 1251.0, "runs": 200},
        "runtime": "tflite-runtime 2.14.0, delegate none",
        "threads": 1,
    }
    return {**scores, **changes}


def test_rows_keep_the_order_of_the_metrics_and_name_files_as_they_are() -> None:
    metrics = {"variants": {"float32": variant(), "int8_qat": variant(), "other": variant()}}
    columns, rows = summary_rows(metrics)
    assert columns == (*COLUMNS, *COST_COLUMNS)
    assert [row[0] for row in rows] == ["float32", "int8, pruned + QAT", "other"]


def test_a_row_says_what_the_metrics_say() -> None:
    _, [_, row] = summary_rows({"variants": {"float32": variant(), "int8_qat": variant()}})
    assert row == (
        "int8, pruned + QAT",
        "93.4%",
        "0.40 (-0.08 to 0.88)",
        "98.6%",
        "66,240",
        "38,810",
        "235",
        "1,251",
    )


def test_the_first_is_not_compared_with_itself() -> None:
    _, [row] = summary_rows({"variants": {"mine": variant()}})
    assert row[:4] == ("mine", "93.4%", "-", "98.6%")


@pytest.mark.parametrize(
    ("value", "text"), [(8.04, "8.0"), (99.94, "99.9"), (488.2, "488"), (27164.0, "27,164")]
)
def test_microseconds_keep_about_three_digits(value: float, text: str) -> None:
    assert microseconds(value) == text


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("int8_ptq", "int8, post-training"),
        ("int8_ptq, C", "int8, post-training, C"),
        ("mine", "mine"),
        ("a,b", "a,b"),
    ],
)
def test_variants_have_titles_and_files_their_names(name: str, title: str) -> None:
    assert variant_title(name) == title


def test_the_runtime_is_named_with_what_it_measured() -> None:
    metrics = {
        "variants": {
            "float32": {"runtime": "a, delegate XNNPACK", "threads": 1},
            "int8_ptq": {"runtime": "a, delegate none", "threads": 1},
            "int8_qat": {"runtime": "a, delegate none", "threads": 1},
        }
    }
    assert latency_note(metrics) == (
        "Latency is that of this computer with 1 thread: float32 by a, delegate XNNPACK; "
        "int8_ptq, int8_qat by a, delegate none."
    )
