# SPDX-License-Identifier: Apache-2.0
"""A report of two classes and one of masks, both with every section."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecnn.compiler.reading.tflite import read_model
from edgecnn.evaluation.arena import plan_arena
from edgecnn.evaluation.binary import curve, score_binary
from edgecnn.evaluation.calibration import calibrate
from edgecnn.evaluation.groups import score_groups
from edgecnn.evaluation.overlap import evaluate_masks
from edgecnn.evaluation.pictures import Example, MaskExample
from edgecnn.evaluation.report import RunReport

SCORES: dict[str, Any] = {
    "accuracy": 0.94,
    "balanced_accuracy": 0.93,
    "accuracy_loss": 0.0,
    "accuracy_loss_ci95": [0.0, 0.0],
    "agreement": 1.0,
    "bytes": 237960,
    "gzip_bytes": 220118,
    "sparsity": 0.0,
    "latency_us": {"median": 488.2, "p95": 530.1, "runs": 200},
    "runtime": "tflite-runtime 2.14.0, delegate none",
    "threads": 1,
}
LABELS, PROBABILITIES = np.array([0, 1, 0, 1]), np.array([0.2, 0.9, 0.6, 0.7])
SCORES["binary"] = asdict(score_binary(LABELS, PROBABILITIES, 0.5, np.arange(4)))
SCORES["calibration"] = asdict(calibrate(LABELS, np.stack([1 - PROBABILITIES, PROBABILITIES], axis=1)))
ARENA = plan_arena(read_model(Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"))
SMALLER = {
    **SCORES,
    "accuracy": 0.912,
    "accuracy_loss": 2.8,
    "accuracy_loss_ci95": [1.5, 4.1],
    "bytes": 66240,
}
ROWS = [
    {
        "epoch": epoch,
        "loss": 1 / epoch,
        "accuracy": 1 - 0.5 / epoch,
        "val_loss": 1.1 / epoch,
        "val_accuracy": 0.4,
    }
    for epoch in range(1, 5)
]


@pytest.fixture(scope="session")
def report() -> RunReport:
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1), dtype=np.uint8)
    return RunReport(
        title="cainvas on phantoms",
        summary="A run of the tests.",
        synthetic=True,
        metrics={
            "classes": ["normal", "benign"],
            "test_images": 3000,
            "data": {"kind": "phantoms", "seed": 7},
            "variants": {"float32": SCORES, "int8_qat": SMALLER},
        },
        history={"train": ROWS, "prune": ROWS[:2], "qat": ROWS[:1]},
        confusion={name: np.array([[1400, 100], [80, 1420]]) for name in ("float32", "int8_ptq", "int8_qat")},
        curves={name: curve(LABELS, PROBABILITIES) for name in ("float32", "int8_qat")},
        groups=score_groups(
            np.repeat(np.arange(12), 3),
            {name: np.arange(36) % 4 / 3 for name in ("float32", "int8_ptq", "int8_qat")},
        ),
        examples=[Example(image, index % 2, {"int8_qat": (0, 0.75)}) for index, image in enumerate(images)],
        disagreements=(
            "They give 1 of 3,000 images another class.",
            [Example(images[0], 1, {"float32": (1, 0.5), "int8_qat": (0, 0.625)})],
        ),
        arena=ARENA,
        findings=["Two pictures are the same."],
        run={"seed": 11, "options": {"train": {"epochs": 50}}, "packages": {"numpy": "1.26.4"}},
    )


@pytest.fixture(scope="session")
def mask_report(report: RunReport) -> RunReport:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (6, 24, 24, 3), dtype=np.uint8)
    masks, first, last = draw.integers(0, 2, (3, 6, 24, 24, 1)) == 1
    scores = {
        "float32": evaluate_masks(masks, first, None, np.arange(6)),
        "int8_ptq": evaluate_masks(masks, last, first, np.arange(6)),
    }
    kept = ("bytes", "gzip_bytes", "sparsity", "latency_us", "runtime", "threads")
    cost = {name: SCORES[name] for name in kept}
    both = {"float32": first, "int8_ptq": last}
    dice = {"float32": 0.5, "int8_ptq": 0.25}
    return replace(
        report,
        metrics={
            **report.metrics,
            "classes": ["foreground"],
            "background": 0.5,
            "variants": {name: {**asdict(found), **cost} for name, found in scores.items()},
        },
        history={"train": [{**row, "dice": 0.5, "val_dice": 0.4} for row in ROWS]},
        confusion={},
        curves={},
        examples=[MaskExample(images[i], masks[i], {"int8_ptq": last[i]}, dice) for i in range(5)],
        disagreements=(
            "They differ in 50.0% of all pixels.",
            [
                MaskExample(images[i], masks[i], {name: said[i] for name, said in both.items()}, dice)
                for i in range(5)
            ],
        ),
    )
