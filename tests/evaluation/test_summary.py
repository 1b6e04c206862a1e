# SPDX-License-Identifier: Apache-2.0
"""The table of variants."""

from dataclasses import replace

import pytest

from edgecnn.evaluation.results import (
    ClassFigures,
    Costs,
    Instructions,
    LatencySummary,
    Metrics,
    RunMetrics,
    Variant,
)
from edgecnn.evaluation.summary import (
    COLUMNS,
    COST_COLUMNS,
    baseline_note,
    fit_sentences,
    latency_note,
    microseconds,
    summary_rows,
    variant_title,
)

SCORES = ClassFigures(0.9337, 0.93, 0.4, (-0.08, 0.88), 0.986)
RUNTIME = "tflite-runtime 2.14.0, delegate none"
COSTS = Costs(66240, 38810, 0.5, LatencySummary(235.4, 1251.0, 200), RUNTIME, 1)


def measured(*names: str, reference: str = "float32", costs: Costs = COSTS) -> Metrics:
    variants = tuple(Variant(name, SCORES, costs) for name in names)
    return Metrics(("a", "b", "c"), 400, {"synthetic": False}, variants, reference, None)


def test_rows_keep_the_order_of_the_metrics_and_name_files_as_they_are() -> None:
    columns, rows = summary_rows(measured("float32", "int8_qat", "other"))
    assert columns == (*COLUMNS, *COST_COLUMNS)
    assert [row[0] for row in rows] == ["float32", "int8, pruned + QAT", "other"]


def test_a_row_says_what_the_metrics_say() -> None:
    _, [_, row] = summary_rows(measured("float32", "int8_qat"))
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


def test_the_reference_wherever_it_stands_is_not_compared_with_itself() -> None:
    _, [row] = summary_rows(measured("mine", reference="mine"))
    assert row[:4] == ("mine", "93.4%", "-", "98.6%")
    _, rows = summary_rows(measured("a", "mine", "b", reference="mine"))
    assert [row[2] == "-" for row in rows] == [False, True, False]


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


def test_models_that_may_as_well_guess_are_named() -> None:
    """Of 400 images, of three classes alike, guessing reaches 38% in 97.5 of 100 cases."""
    metrics = measured("float32", "int8_qat")
    assert not baseline_note(metrics)
    blind = replace(metrics.variants[1], scores=replace(SCORES, balanced_accuracy=0.37))
    sentence = baseline_note(replace(metrics, variants=(metrics.variants[0], blind)))
    assert sentence.startswith("No better than guessing, which is right in 33.3%: int8, pruned + QAT. Train")
    sure = replace(blind, scores=replace(SCORES, balanced_accuracy=0.39))
    assert not baseline_note(replace(metrics, variants=(sure,)))


def test_the_runtime_is_named_with_what_it_measured() -> None:
    runtimes = {
        "float32": "a, delegate XNNPACK",
        "int8_ptq": "a, delegate none",
        "int8_qat": "a, delegate none",
    }
    metrics = measured(*runtimes)
    variants = tuple(
        replace(variant, costs=replace(COSTS, runtime=runtimes[variant.name])) for variant in metrics.variants
    )
    assert latency_note(replace(metrics, variants=variants)) == (
        "Latency is that of this computer with 1 thread: float32 by a, delegate XNNPACK; "
        "int8_ptq, int8_qat by a, delegate none."
    )


def run_of(costs: Costs) -> RunMetrics:
    variants = (Variant("float32", SCORES, COSTS), Variant("int8_qat", SCORES, costs))
    return RunMetrics(("a", "b"), 9, {"synthetic": False}, variants, "float32", None, "int8_qat")


def test_whether_it_fits_is_told_of_the_model_that_a_run_ended_in() -> None:
    instructions = Instructions("cortex-m4", 756_838, measured=True)
    costs = replace(COSTS, const_bytes=3095, code_bytes=4804, arena_bytes=812, instructions=instructions)
    told = fit_sentences(run_of(costs))
    assert told[0].startswith("Fits an STM32F411CE (flash 2%, RAM 1%), 0.757 M instructions, about 10.7 ms")
    assert "as QEMU counts them" in told[1]
    assert fit_sentences(run_of(COSTS)) == fit_sentences(measured("a", "float32", costs=costs)) == []
