# SPDX-License-Identifier: Apache-2.0
"""`edgecnn report`: what it says of several runs, and which it refuses."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from made_runs import make_run, scores

from edgecnn.cli.report import command
from edgecnn.errors import EdgecnnError, RunError


def report(*arguments: Any) -> str:
    return CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False).stdout


def test_every_model_of_every_run_is_in_the_table(tmp_path: Path) -> None:
    said = report(make_run(tmp_path / "one"), make_run(tmp_path / "two"))
    rows = [re.split(r" {2,}", line.strip()) for line in said.splitlines() if ":" in line]
    assert rows == [
        [f"{name}: {model}", *figures]
        for name in ("one", "two")
        for model, figures in (
            ("float32", ["90.0%", "80.0%", "-", "237,586", "-", "348"]),
            ("int8, pruned + QAT", ["88.0%", "78.0%", "2.00 (1.00 to 3.00)", "237,586", "4,460", "348"]),
        )
    ]
    assert "test images" not in said
    assert "synthetic" not in said
    assert said.endswith("For research and education, not for diagnosis.\n")


def test_runs_on_other_test_images_are_named(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, name[0], synthetic=name == "b1") for name in ("a1", "b1", "a2")]
    said = report(*runs)
    assert [line.split()[-1] for line in said.splitlines() if "float32" in line] == ["A", "B", "A"]
    assert "not measured on the same test images (A: a1, a2; B: b1)" in said
    assert "The pictures of b1 are synthetic." in said
    assert json.loads(report(*runs, "--json"))["same_test_images"] is False


def test_json_holds_all_metrics(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one")
    found = json.loads(report(run, "--json"))
    assert found["same_test_images"] is True
    assert found["runs"]["one"]["metrics"] == json.loads((run / "metrics.json").read_text())


def test_two_classes_have_an_auc_and_masks_a_dice(tmp_path: Path) -> None:
    share = {"value": 0.9512, "ci95": [0.9, 1.0]}
    binary: dict[str, Any] = {"average_precision": 0.9, "threshold": 0.5}
    binary |= dict.fromkeys(("auc", "sensitivity_at_90_specificity", "sensitivity", "specificity"), share)
    alone: dict[str, Any] = {"chosen": "float32"}
    two = make_run(tmp_path / "two", variants={"float32": scores(0.9, binary=binary)}, **alone)
    assert "0.951" in report(two)
    overlap: dict[str, Any] = {"dice_loss": 0.0, "dice_loss_ci95": [0.0, 0.0]}
    for name, value in (("dice", 0.7), ("iou", 0.6)):
        overlap |= {f"{name}_per_image": {"value": value, "ci95": [0.5, 0.8]}, name: value}
    variants = {"float32": scores(0.9, pixel_accuracy=0.9, **overlap)}
    masks = make_run(tmp_path / "masks", background=0.9, variants=variants, **alone)
    assert "70.0%" in report(masks)
    with pytest.raises(RunError, match="masks is of masks and two of classes"):
        report(two, masks)


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / parent / "run") for parent in ("first", "second")]
    assert list(json.loads(report(*runs, "--json"))["runs"]) == list(map(str, runs))


def test_the_page_holds_the_table_and_the_curves_of_more_runs_than_colours(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / f"run<{number}>", fingerprint=str(number)) for number in range(8)]
    said = report(*runs, "--out", tmp_path / "page.html")
    assert f"Report: {tmp_path / 'page.html'}" in said
    page = (tmp_path / "page.html").read_text()
    assert "run&lt;7&gt;: int8, pruned + QAT" in page
    assert "run<" not in page
    assert "not measured on the same test images" in page
    assert len(re.findall("<svg", page)) == 2
    assert page.count('class="key dashed"') == 2
    assert all(f"stroke: var(--run-{number})" in page for number in range(6))
    assert "#02030" not in page


def test_without_matplotlib_the_page_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("comparison_page", "plots"):
        monkeypatch.delitem(sys.modules, f"edgecnn.evaluation.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(
        EdgecnnError, match=r"need Matplotlib, but matplotlib is missing .*edgecnn\[train\]'$"
    ):
        report(make_run(tmp_path / "run"), "--out", tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("run.json", None, "is not a run: it has no run.json"),
        ("metrics.json", None, "has no metrics.json: its training is not finished"),
        ("metrics.json", "{", "metrics.json is damaged"),
        ("metrics.json", "[]", "metrics.json is damaged"),
        (
            "metrics.json",
            '{"classes": [], "test_images": 1, "data": {}, "variants": {"float32": {"accuracy": 1}}}',
            "metrics.json is damaged, or another version of edgecnn wrote it.*variants.float32 lacks bytes, ",
        ),
        (
            "metrics.json",
            '{"classes": [], "test_images": 1, "variants": {}, '
            '"data": {"synthetic": true, "fingerprint": ""}}',
            "metrics.json is damaged.*it does not hold the figures of any model",
        ),
    ],
)
def test_what_is_no_finished_run_is_refused(
    tmp_path: Path, file: str, text: str | None, message: str
) -> None:
    run = make_run(tmp_path / "run")
    if text is None:
        (run / file).unlink()
    else:
        (run / file).write_text(text)
    with pytest.raises(EdgecnnError, match=message):
        report(run)
