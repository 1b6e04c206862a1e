# SPDX-License-Identifier: Apache-2.0
"""`edgecnn data check --report`: pictures, findings and how figures spread, in one page that is safe."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from edgecnn.cli.data import command


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page on two classes, one of them brighter and called as no page should obey."""
    folder = tmp_path_factory.mktemp("photos")
    for label, least in (("a <b>", 0), ("dark", 100)):
        (folder / "data" / label).mkdir(parents=True)
        for number in range(14):
            values = np.random.default_rng(number + least).integers(least, least + 100, (8, 9), np.uint8)
            Image.fromarray(values).save(folder / "data" / label / f"{number}.png")
    arguments = ["check", str(folder / "data"), "--report", str(folder / "page.html")]
    assert CliRunner().invoke(command, arguments, catch_exceptions=False).exit_code == 0
    return (folder / "page.html").read_text(encoding="utf-8")


def test_it_shows_counts_pictures_and_findings(checked: str) -> None:
    assert "<title>Data check: data</title>" in checked
    assert "28 images in 2 classes." in checked
    assert checked.count("<img ") == 24  # 12 of each class, of 14
    assert "<h3>Shortcuts (" in checked
    assert "mean tells dark from the rest: AUC 1.00" in checked
    headings = re.findall("<h2>(.*?)</h2>", checked)
    assert headings[:4] == ["Findings", "Images", "Pictures: a &lt;b&gt;", "Pictures: dark"]
    assert "<b>" not in checked.replace("<body>", "")


def test_each_figure_is_drawn_with_a_line_for_each_class(checked: str) -> None:
    drawings = re.findall(r'<svg role="img" aria-label="([\w ]+) by class".*?</svg>', checked, re.DOTALL)
    assert drawings == ["mean", "noise"]  # all have one width, one height and so many bytes
    assert checked.count("var(--run-0)") > 2
    assert checked.count("var(--run-1)") > 2


def test_of_numbers_there_are_no_pictures(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "n.npz", x=draw.normal(size=(30, 6, 2)).astype(np.float32), y=np.arange(30) % 2)
    arguments = ["check", str(tmp_path / "n.npz"), "--report", str(tmp_path / "page.html")]
    assert CliRunner().invoke(command, arguments, catch_exceptions=False).exit_code == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "30 samples in 2 classes." in page
    assert "<img " not in page
