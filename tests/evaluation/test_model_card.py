# SPDX-License-Identifier: Apache-2.0
"""The card says what the model is, what it was trained on, how good it is, and what it is not for."""

from pathlib import Path
from typing import Any

from edgecnn.evaluation.model_card import write_model_card

SCORES: dict[str, Any] = {
    "accuracy": 0.9, "accuracy_loss": 0.0, "accuracy_loss_ci95": (0.0, 0.0), "agreement": 1.0,
    "bytes": 1000, "gzip_bytes": 900, "latency_us": {"median": 5.0, "p95": 6.0, "runs": 10},
    "runtime": "tflite-runtime 2.14.0, delegate none", "threads": 1,
}  # fmt: skip
RECORD: dict[str, Any] = {
    "model": "cainvas",
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
    scores = {
        **SCORES,
        "calibration": {"expected_error": 0.0123, "overconfidence": -0.05, "bins": []},
        "arena_bytes": 4460,
    }
    metrics = {"classes": RECORD["classes"], "test_images": 24, "variants": {"float32": scores}}
    write_model_card(tmp_path / "card.md", RECORD, metrics, "A network.")
    text = (tmp_path / "card.md").read_text()
    assert text.startswith(
        "# Model card: cainvas on photos\n\nFor research and education, not for diagnosis."
    )
    assert "- Input: 64x64 pixels, grey" in text
    assert "| a\\|b | 7 | 7 | 7 |" in text
    assert "| float32 | 90.0% | - | 100.0% |" in text
    assert "synthetic" in text
    assert "| float32 | 1.2 points | -5.0 points |" in text
    assert "4,460 bytes of memory" in text
    assert "- Data check: Imbalance (1): look at balanced accuracy." in text
    write_model_card(tmp_path / "again.md", RECORD, metrics, "A network.")
    assert (tmp_path / "again.md").read_text() == text
