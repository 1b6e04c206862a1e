# SPDX-License-Identifier: Apache-2.0
"""report.html: complete, escaped, self-contained and the same every time."""

import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgecnn.evaluation.groups import score_groups
from edgecnn.evaluation.pictures import Example, MaskExample
from edgecnn.evaluation.report import RunReport, write_report

HOSTILE = "<script>alert('1')</script> & \"$title\""
VOID = {"meta", "img", "br"}


def written(report: RunReport, folder: Path) -> str:
    write_report(folder / "report.html", report)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(report: RunReport, tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(report, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def bare(report: RunReport) -> RunReport:
    """A report without what takes time to draw."""
    return replace(report, history={}, curves={}, groups=None, disagreements=None, arena=None)


class Nesting(HTMLParser):
    """Fails on a tag that is not closed, or closed in the wrong place."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def assert_nested(page: str) -> None:
    parser = Nesting()
    parser.feed(page)
    parser.close()
    assert parser.open == []


def test_report_shows_everything(report: RunReport, page: str) -> None:
    assert report.arena
    assert_nested(page)
    for text in (
        "cainvas on phantoms",
        "not for diagnosis",
        "synthetic",
        "3,000 test images",
        "int8, pruned + QAT",
        "2.80 (1.50 to 4.10)",
        "3.6 times that",
        "Two pictures are the same.",
        "options.train.epochs",
        "packages.numpy",
        "✗ predicted: normal, 75.0%",
        "They give 1 of 3,000 images another class.",
        "✓ float32: benign, 50.0%",
        "✗ int8, pruned + QAT: normal, 62.5%",
        f"{report.arena.rows.bytes:,} <small>bytes</small>",
        f"with whole tensors {report.arena.whole.bytes:,}",
        "12 groups of 3 images; these 10 are the worst",
        "expected calibration error",
    ):
        assert text in page
    assert re.findall("<h3>(.*?)</h3>", page) == ["float32", "int8, pruned + QAT"]
    assert page.count("<svg") == 8
    assert page.count("<details>") == 1


def test_two_classes_have_curves_of_the_first_and_the_last_variant(page: str) -> None:
    assert "Positive is benign." in page
    assert 'aria-label="ROC"' in page
    assert 'aria-label="precision and recall"' in page
    assert "1.000 (" in page  # the area under the curve


def test_an_overlay_is_green_red_and_blue(bare: RunReport, tmp_path: Path) -> None:
    actual, predicted = np.array([[[True], [False], [True]]]), np.array([[[True], [True], [False]]])
    picture = np.zeros((1, 3, 1), np.uint8)
    example = MaskExample(picture, actual, {"int8_qat": predicted}, {"int8_qat": 0.5})
    html = written(replace(bare, examples=[example]), tmp_path)
    [source] = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="overlay', html)
    pixels = np.asarray(Image.open(BytesIO(b64decode(source))))
    assert pixels[0].argmax(axis=1).tolist() == [1, 0, 2]
    assert "Dice 50.0%" in html


def test_masks_that_differ_are_coloured_by_who_marks(bare: RunReport, tmp_path: Path) -> None:
    first, last = np.array([[[True], [False], [True]]]), np.array([[[True], [True], [False]]])
    marked = {"float32": first, "int8_qat": last}
    example = MaskExample(np.zeros((1, 3, 3), np.uint8), first, marked, {"float32": 1.0, "int8_qat": 0.5})
    html = written(replace(bare, disagreements=("They differ.", [example])), tmp_path)
    [source] = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="two models', html)
    assert np.asarray(Image.open(BytesIO(b64decode(source))))[0].argmax(axis=1).tolist() == [1, 0, 2]
    assert re.search("</span>only by int8, pruned \\+ QAT.*</span>only by float32", html)
    assert "int8, pruned + QAT: Dice 50.0%<br>66.7% of the pixels differ" in html


def test_report_needs_no_network(page: str) -> None:
    references = re.findall(r'(?:src|href|action)="([^"]*)"|url\(([^)]*)\)', page)
    assert references
    assert all(one.startswith(("data:", "#")) for pair in references for one in pair if one)
    assert "@import" not in page
    assert "<script" not in page
    assert "<link" not in page


def test_ids_are_unique(page: str) -> None:
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))


def test_curves_take_every_colour_from_the_page(page: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert [re.findall(r"#[0-9a-f]{6}\b", svg) for svg in drawings] == [[]] * 8
    for name in ("--validation", "--muted", "--line"):
        assert all(f"var({name})" in svg for svg in drawings)


def test_the_same_report_gives_the_same_bytes(report: RunReport, page: str, tmp_path: Path) -> None:
    assert written(report, tmp_path) == page


def test_what_a_user_names_is_escaped(report: RunReport, tmp_path: Path) -> None:
    scores, smaller = report.metrics["variants"].values()
    hostile = replace(
        report,
        title=HOSTILE,
        summary=HOSTILE,
        metrics={
            **report.metrics,
            "classes": [HOSTILE, "benign"],
            "data": {HOSTILE: HOSTILE},
            "variants": {HOSTILE: scores, HOSTILE + "2": smaller},
        },
        confusion={HOSTILE: np.eye(2, dtype=np.int64)},
        groups=score_groups(np.array([HOSTILE, HOSTILE, "other"]), {HOSTILE: np.ones(3)}),
        disagreements=(HOSTILE, [replace(report.examples[0], answers={HOSTILE: (0, 0.5), "b": (1, 0.5)})]),
        findings=[HOSTILE],
        run={HOSTILE: [HOSTILE], "nested": {HOSTILE: HOSTILE}},
    )
    page = written(hostile, tmp_path)
    assert_nested(page)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 20


def test_pictures_are_the_pictures(report: RunReport, page: str) -> None:
    encoded = re.findall(r"data:image/png;base64,([^\"]+)", page)
    shown = [np.asarray(Image.open(BytesIO(b64decode(text)))) for text in encoded]
    images = [one.image[..., 0].tolist() for one in (*report.examples, report.examples[0])]
    assert [picture.tolist() for picture in shown] == images


def test_large_and_coloured_pictures_are_made_smaller(bare: RunReport, tmp_path: Path) -> None:
    example = Example(np.zeros((600, 900, 3), np.uint8), 0, {"int8_qat": (1, 0.5)})
    [text] = re.findall(r"base64,([^\"]+)", written(replace(bare, examples=[example]), tmp_path))
    picture = Image.open(BytesIO(b64decode(text)))
    assert (picture.size, picture.mode) == ((256, 171), "RGB")


def test_what_is_missing_has_no_section(bare: RunReport, tmp_path: Path) -> None:
    scores = bare.metrics["variants"]["float32"]
    without_calibration = {name: value for name, value in scores.items() if name != "calibration"}
    metrics = {**bare.metrics, "variants": {"float32": without_calibration}}
    barest = replace(bare, synthetic=False, metrics=metrics, confusion={}, examples=[], findings=[])
    page = written(barest, tmp_path)
    assert_nested(page)
    assert re.findall("<h2>(.*?)</h2>", page) == ["Results"]
    assert "synthetic" not in page
    assert "not for diagnosis" in page
