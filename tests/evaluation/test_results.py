# SPDX-License-Identifier: Apache-2.0
"""What a run measured is read back as it was, and what can't be understood is refused in one line."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from damaged_json import GONE, changed, damages

from edgecnn.errors import RunError
from edgecnn.evaluation.evidence import read_evidence
from edgecnn.evaluation.model_card import write_model_card
from edgecnn.evaluation.report import RunReport, write_report
from edgecnn.evaluation.results import RunMetrics, read_metrics
from edgecnn.values import as_json

KINDS = ("report", "mask_report")


@pytest.fixture(params=KINDS)
def shown(request: pytest.FixtureRequest) -> RunReport:
    """Return a report without what takes time to draw."""
    report: RunReport = request.getfixturevalue(request.param)
    return replace(report, history={}, arena=None)


def read(folder: Path, content: Any) -> RunMetrics:
    (folder / "metrics.json").write_text(json.dumps(content))
    return read_metrics(folder / "metrics.json")


def test_figures_are_read_as_they_were_written(shown: RunReport, tmp_path: Path) -> None:
    content = shown.metrics.as_json()
    assert read(tmp_path, content) == shown.metrics
    assert json.loads(json.dumps(content)) == json.loads(json.dumps(read(tmp_path, content).as_json()))
    assert content["variants"]["float32"]["agreement"] == 1.0  # scores and costs in one object
    assert content["variants"]["float32"]["latency_us"]["runs"] == 200


def test_what_is_compared_with_what_does_not_depend_on_order(shown: RunReport, tmp_path: Path) -> None:
    content = shown.metrics.as_json()
    content["variants"] = dict(reversed(content["variants"].items()))
    turned = read(tmp_path, content)
    assert (turned.reference, turned.chosen) == (shown.metrics.reference, shown.metrics.chosen)
    assert turned.compared({name: name for name in content["variants"]}) == (turned.chosen, "float32")
    alone = replace(turned, chosen="float32")
    assert alone.compared({"float32": 1}) == (1, None)


def test_figures_without_a_schema_are_those_of_a_run_of_an_older_edgecnn(
    shown: RunReport, tmp_path: Path
) -> None:
    content = shown.metrics.as_json()
    for name in ("schema", "reference", "chosen"):
        del content[name]
    assert read(tmp_path, content) == shown.metrics
    content["variants"]["mine"] = content["variants"]["float32"]
    with pytest.raises(
        RunError, match=r"has no schema, and of float32, .*, mine nothing says what is compared"
    ):
        read(tmp_path, content)
    content["variants"] = {"int8_ptq": content["variants"]["float32"]}
    with pytest.raises(RunError, match="has no schema, and of int8_ptq nothing says"):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("place", "other", "told"),
    [
        (("schema",), 2, "its schema is 2, this edgecnn reads 1"),
        (("schema",), "1", 'schema is "1", not a whole number'),
        (("reference",), "mine", "reference is mine, which is none of float32, "),
        (("chosen",), GONE, "it lacks chosen"),
        (("data", "fingerprint"), GONE, "data lacks fingerprint"),
        (("variants",), {}, "it does not hold the figures of any model"),
        (("variants", "float32", "agreement"), 1.5, "variants.float32.agreement is 1.5, not from 0 to 1"),
        (("variants", "float32", "agreement"), GONE, "variants.float32 lacks agreement"),
        (("variants", "float32", "gzip_bytes"), GONE, "variants.float32 lacks gzip_bytes"),
        (
            ("variants", "float32", "latency_us", "runs"),
            -1,
            "variants.float32.latency_us.runs is -1, not from",
        ),
    ],
)
def test_what_is_wrong_is_named(
    shown: RunReport, tmp_path: Path, place: tuple[str, ...], other: Any, told: str
) -> None:
    with pytest.raises(RunError) as refused:
        read(tmp_path, changed(shown.metrics.as_json(), place, other))
    assert told in str(refused.value)
    assert (
        "metrics.json is damaged, or another version of edgecnn wrote it; run 'edgecnn compress' again"
        in str(refused.value)
    )


def test_no_value_of_the_figures_or_the_evidence_brings_the_pages_down(
    shown: RunReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either the reader refuses a damaged file in one line, or the page is written."""
    for drawing in ("curves", "parting", "reliability", "spread"):
        monkeypatch.setattr(f"edgecnn.evaluation.report.{drawing}", lambda *_: "")
    record = {
        **shown.record, "input_shape": [64, 64, 1], "classes": ["normal", "benign"], "versions": {},
        "train": {"weights": "none"},
    }  # fmt: skip
    figures = {"metrics.json": shown.metrics.as_json(), "evidence.json": as_json(shown.evidence)}
    contents = {name: json.loads(json.dumps(content)) for name, content in figures.items()}
    refused = []
    for file, content in contents.items():
        everything = list(damages(content))
        for damage in (*random.Random(0).sample(everything, 150), json.dumps(content)):
            for name, text in contents.items():
                (tmp_path / name).write_text(damage if name == file else json.dumps(text))
            try:
                metrics = read_metrics(tmp_path / "metrics.json")
                evidence = read_evidence(tmp_path / "evidence.json", metrics)
            except RunError as error:
                refused.append(str(error))
            else:
                write_report(tmp_path / "page.html", replace(shown, metrics=metrics, evidence=evidence))
                write_model_card(tmp_path / "card.md", record, metrics)
    assert len(refused) > 150
    assert not any("\n" in told for told in refused)
    assert evidence == shown.evidence  # the last was not damaged
