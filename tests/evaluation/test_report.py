# SPDX-License-Identifier: Apache-2.0
"""report.html: complete, escaped, self-contained and the same every time."""

import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from edgecnn.evaluation.evidence import ClassEvidence, MaskEvidence
from edgecnn.evaluation.groups import score_groups
from edgecnn.evaluation.html import png
from edgecnn.evaluation.pictures import Example, MaskExample, overlay
from edgecnn.evaluation.report import RunReport, write_report
from edgecnn.evaluation.results import ClassFigures

HOSTILE = "<script>alert('1')</script> & \"$title\""
VOID = {"meta", "img", "br"}
DEVICE = {
    "address": "pi",
    "machine": {"model": "Raspberry Pi 4", "cores": 4, "governor": None},
    "options": {"threads": 1},
    "images": {"count": 3000},
    "models": {
        "int8_qat, C": {
            "runtime": "edgecnn",
            "delegate": "none",
            "accuracy": {"share": 0.9125},
            "latency_us": {"median": 12345.6, "p95": 13000.0},
            "peak_memory_mb": 21.06,
            "bytes": 66240,
        }
    },
}


def written(report: RunReport, folder: Path) -> str:
    write_report(folder / "report.html", report)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(report: RunReport, tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(report, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def bare(report: RunReport) -> RunReport:
    """A report without what takes time to draw."""
    assert isinstance(report.evidence, ClassEvidence)
    evidence = replace(report.evidence, curves={}, groups=None, difference=None, differing=())
    return replace(report, history={}, evidence=evidence, arena=None)


@pytest.fixture
def bare_masks(mask_report: RunReport) -> RunReport:
    """The same of masks."""
    evidence = MaskEvidence(groups=None, difference=None, examples=(), differing=())
    return replace(mask_report, history={}, evidence=evidence, arena=None)


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
        "pictures are synthetic",
        "3,000 test images",
        "int8, pruned + QAT",
        "2.80 (1.50&nbsp;to&nbsp;4.10)",
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


def test_two_classes_have_curves_of_the_chosen_variant_and_its_reference(page: str) -> None:
    assert "Positive is benign." in page
    assert 'aria-label="ROC"' in page
    assert 'aria-label="precision and recall"' in page
    assert "1.000 (" in page  # the area under the curve


def test_an_overlay_is_green_red_and_blue(bare_masks: RunReport, tmp_path: Path) -> None:
    actual, predicted = np.array([[[True], [False], [True]]]), np.array([[[True], [True], [False]]])
    picture = np.zeros((1, 3, 1), np.uint8)
    example = MaskExample(png(overlay(picture, actual, predicted)), 0.5, {"int8_ptq": 0.5})
    evidence = MaskEvidence(groups=None, difference=None, examples=(example,), differing=())
    html = written(replace(bare_masks, evidence=evidence), tmp_path)
    [source] = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="overlay', html)
    pixels = np.asarray(Image.open(BytesIO(b64decode(source))))
    assert pixels[0].argmax(axis=1).tolist() == [1, 0, 2]
    assert "Dice 50.0%" in html


def test_masks_that_differ_are_coloured_by_who_marks(bare_masks: RunReport, tmp_path: Path) -> None:
    first, last = np.array([[[True], [False], [True]]]), np.array([[[True], [True], [False]]])
    picture = overlay(np.zeros((1, 3, 3), np.uint8), first, last)
    example = MaskExample(png(picture), 2 / 3, {"int8_ptq": 0.5, "float32": 1.0})  # whatever their order
    evidence = MaskEvidence(groups=None, difference="They differ.", examples=(), differing=(example,))
    html = written(replace(bare_masks, evidence=evidence), tmp_path)
    [source] = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="two models', html)
    assert np.asarray(Image.open(BytesIO(b64decode(source))))[0].argmax(axis=1).tolist() == [1, 0, 2]
    assert re.search("</span>only by int8, post-training.*</span>only by float32", html)
    assert "int8, post-training: Dice 50.0%<br>66.7% of the pixels differ" in html


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
    metrics, evidence = report.metrics, report.evidence
    assert isinstance(evidence, ClassEvidence)
    names = (HOSTILE, HOSTILE + "2")
    data = {**report.record["data"], "source": f"../{HOSTILE}", "findings": [HOSTILE]}
    hostile = replace(
        report,
        record={
            **report.record,
            "model": HOSTILE,
            "data": data,
            HOSTILE: [HOSTILE],
            "more": {HOSTILE: HOSTILE},
        },
        metrics=replace(
            metrics,
            classes=(HOSTILE, "benign"),
            variants=tuple(
                replace(variant, name=name)
                for name, variant in zip(names, metrics.variants[::2], strict=True)
            ),
            reference=names[0],
            chosen=names[1],
        ),
        evidence=replace(
            evidence,
            confusion=dict.fromkeys(names, ((1, 0), (0, 1))),
            curves=dict(zip(names, evidence.curves.values(), strict=True)),
            groups=score_groups(
                np.array([HOSTILE, HOSTILE, "other"]), {name: np.ones(3) for name in names}, names[1]
            ),
            difference=HOSTILE,
            differing=(Example(HOSTILE, 0, {names[0]: (0, 0.5), names[1]: (1, 0.5)}),),
        ),
        devices=({**DEVICE, "address": HOSTILE},),
    )
    page = written(hostile, tmp_path)
    assert_nested(page)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 20


def test_pictures_are_the_pictures(page: str, pictures: npt.NDArray[np.uint8]) -> None:
    encoded = re.findall(r"data:image/png;base64,([^\"]+)", page)
    shown = [np.asarray(Image.open(BytesIO(b64decode(text)))) for text in encoded]
    images = [image[..., 0].tolist() for image in (*pictures, pictures[0])]
    assert [picture.tolist() for picture in shown] == images


def test_large_and_coloured_pictures_are_made_smaller(bare: RunReport, tmp_path: Path) -> None:
    assert isinstance(bare.evidence, ClassEvidence)
    example = Example(png(np.zeros((600, 900, 3), np.uint8)), 0, {"int8_qat": (1, 0.5)})
    large = replace(bare, evidence=replace(bare.evidence, examples=(example,)))
    [text] = re.findall(r"base64,([^\"]+)", written(large, tmp_path))
    picture = Image.open(BytesIO(b64decode(text)))
    assert (picture.size, picture.mode) == ((256, 171), "RGB")


def test_a_device_has_a_section_of_its_own(bare: RunReport, tmp_path: Path) -> None:
    other = {**DEVICE, "address": "other"}
    page = written(replace(bare, devices=(DEVICE, other)), tmp_path)
    assert_nested(page)
    assert re.findall("<h2>(On .*?)</h2>", page) == ["On pi", "On other"]
    row = re.search("int8, pruned \\+ QAT, C</th>(.*?)</tr>", page)
    assert row
    assert re.findall("<td[^>]*>(.*?)</td>", row[1]) == [
        "edgecnn",
        "91.2%",
        "12,346",
        "13,000",
        "21.1",
        "66,240",
    ]
    assert "Raspberry Pi 4, 4 cores, governor unknown, 1 thread(s), 3,000 test images" in page


def test_masks_without_pictures_have_results_only(bare_masks: RunReport, tmp_path: Path) -> None:
    record = {**bare_masks.record, "data": {**bare_masks.record["data"], "findings": []}}
    page = written(replace(bare_masks, record=record), tmp_path)
    assert_nested(page)
    assert re.findall("<h2>(.*?)</h2>", page) == ["Results"]


def test_what_is_missing_has_no_section(bare: RunReport, tmp_path: Path) -> None:
    figures, evidence = bare.metrics["float32"], bare.evidence
    assert isinstance(figures.scores, ClassFigures)
    assert isinstance(evidence, ClassEvidence)
    without_calibration = replace(figures, scores=replace(figures.scores, calibration=None))
    record = {**bare.record, "data": {**bare.record["data"], "findings": []}}
    metrics = replace(
        bare.metrics,
        data={**bare.metrics.data, "synthetic": False},
        variants=(without_calibration,),
        chosen="float32",
    )
    barest = RunReport(record, metrics, {}, replace(evidence, examples=()), None, ())
    page = written(barest, tmp_path)
    assert_nested(page)
    assert re.findall("<h2>(.*?)</h2>", page) == ["Results", "Class by class"]
    assert "pictures are synthetic" not in page
    assert "not for diagnosis" in page
