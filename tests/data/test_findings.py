# SPDX-License-Identifier: Apache-2.0
"""Findings are told worst first, and each fits one sentence."""

from pathlib import Path

import numpy as np
from PIL import Image

from edgecnn.data.check import check
from edgecnn.data.dataset import open_dataset
from edgecnn.data.findings import findings
from edgecnn.data.phantoms import write_phantoms


def test_nothing_is_found_in_phantoms_with_masks(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "p", {"train": 9, "validation": 3, "test": 3}, 0, masks=True)
    report = check(open_dataset(tmp_path / "p", seed=0))
    assert report.aucs == {}
    assert findings(report) == []


def test_leakage_comes_before_imbalance_and_names_an_example(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for split, name, count in (("train", "a", 15), ("train", "b", 3), ("test", "a", 2), ("test", "b", 2)):
        (tmp_path / split / name).mkdir(parents=True)
        for index in range(count):
            pixels = draw.integers(0, 256, (32, 32)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / split / name / f"{index}.png")
    twin = (tmp_path / "train" / "a" / "0.png").read_bytes()
    (tmp_path / "test" / "a" / "0.png").write_bytes(twin)
    found = findings(check(open_dataset(tmp_path, seed=0)))
    titles = [finding.title for finding in found]
    assert titles[0] == "Leakage"
    assert titles.index("Leakage") < titles.index("Imbalance")
    assert "train/a/0.png" in str(found[0])
    assert "\n" not in str(found[0])
