# SPDX-License-Identifier: Apache-2.0
"""The card says what the model is, what it was trained on, how good it is, and what it is not for."""

from pathlib import Path
from typing import Any

from edgecnn.evaluation.calibration import Calibration
from edgecnn.evaluation.model_card import write_model_card
from edgecnn.evaluation.results import ClassFigures, Costs, LatencySummary, RunMetrics, Variant

SCORES = ClassFigures(0.9, 0.9, 0.0, (0.0, 0.0), 1.0, Calibration(0.0123, -0.05, ()))
COSTS = Costs(
    1000, 900, 0.0, LatencySummary(5.0, 6.0, 10), "tflite-runtime 2.14.0, delegate none", 1, arena_bytes=4460
)
RECORD: dict[str, Any] = {
    "model": "cainvas",
    "parameters": 57987,
    "input_shape": [64, 64, 1],
    "classes": ["a|b", "c", "d"],
    "versions": {"edgecnn": "1.0"},
    "train": {"weights": "none"},
    "data": {
        "source": "../photos",
        "synthetic": True,
        "fingerprint": "0123",
        "images": {part: {"a|b": 7, "c": 8, "d": 9} for part in ("train", "validation", "test")},
        "findings": ["Imbalance (1): look at balanced accuracy"],
    },
}


def test_the_card_of_three_classes(tmp_path: Path) -> None:
    variant = Variant("float32", SCORES, COSTS)
    metrics = RunMetrics(tuple(RECORD["classes"]), 24, RECORD["data"], (variant,), "float32", None, "float32")
    write_model_card(tmp_path / "card.md", RECORD, metrics)
    text = (tmp_path / "card.md").read_text()
    assert text.startswith(
        "# Model card: cainvas on photos\n\nFor research and education, not for diagnosis."
    )
    assert "- Input: 64x64 pixels, grey" in text
    assert "| a\\|b | 7 | 7 | 7 |" in text
    assert "| float32 | 90.0% | - | 100.0% |" in text
    assert "synthetic" in text
    assert "| float32 | 1.2 points | -5.0 points |" in text
    assert "As C, float32 needs 4,460 bytes of memory" in text
    assert (
        "The network cainvas (57,987 parameters), trained on 24 images, chosen on 24 and measured on 24"
        in text
    )
    assert "- Data check: Imbalance (1): look at balanced accuracy." in text
    write_model_card(tmp_path / "again.md", RECORD, metrics)
    assert (tmp_path / "again.md").read_text() == text


def test_the_card_of_numbers_says_their_ranges_and_that_of_pictures_how_they_are_fitted(
    tmp_path: Path,
) -> None:
    variant = Variant("float32", SCORES, COSTS)
    metrics = RunMetrics(tuple(RECORD["classes"]), 24, RECORD["data"], (variant,), "float32", None, "float32")
    fitted = {**RECORD, "train": {"weights": "none", "fit": "crop", "resize": "bilinear"}}
    write_model_card(tmp_path / "card.md", fitted, metrics)
    assert "by edgecnn's integer rule (crop, bilinear)\n" in (tmp_path / "card.md").read_text()
    data = {**RECORD["data"], "ranges": "-1.5:2.0,0.0:9.8"}
    write_model_card(tmp_path / "card.md", {**RECORD, "data": data, "input_shape": [1, 32, 2]}, metrics)
    text = (tmp_path / "card.md").read_text()
    assert (
        "- Input: 1x32x2 numbers, by channels; what is 0 to 1 to it is -1.5 to 2.0, 0.0 to 9.8, and" in text
    )
    assert "pixels" not in text.split("## Intended use")[0]
