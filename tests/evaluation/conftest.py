# SPDX-License-Identifier: Apache-2.0
"""A report of two classes and one of masks, both with every section."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgecnn.compiler.reading.tflite import read_model
from edgecnn.evaluation.arena import plan_arena
from edgecnn.evaluation.binary import CurveCounts, curve, score_binary
from edgecnn.evaluation.calibration import calibrate
from edgecnn.evaluation.evidence import ClassEvidence, MaskEvidence
from edgecnn.evaluation.groups import score_groups
from edgecnn.evaluation.html import png
from edgecnn.evaluation.overlap import evaluate_masks
from edgecnn.evaluation.pictures import Example, MaskExample, overlay
from edgecnn.evaluation.report import RunReport
from edgecnn.evaluation.results import (
    ClassFigures,
    Costs,
    Data,
    LatencySummary,
    MaskFigures,
    RunMetrics,
    Variant,
)

LABELS, PROBABILITIES = np.array([0, 1, 0, 1]), np.array([0.2, 0.9, 0.6, 0.7])
SCORES = ClassFigures(
    0.94,
    0.93,
    0.0,
    (0.0, 0.0),
    1.0,
    calibrate(LABELS, np.stack([1 - PROBABILITIES, PROBABILITIES], axis=1)),
    score_binary(LABELS, PROBABILITIES, 0.5, np.arange(4)),
)
WORSE = replace(SCORES, accuracy=0.912, accuracy_loss=2.8, accuracy_loss_ci95=(1.5, 4.1))
COSTS = Costs(
    237960, 220118, 0.0, LatencySummary(488.2, 530.1, 200), "tflite-runtime 2.14.0, delegate none", 1
)
SMALLER = replace(COSTS, bytes=66240)
DATA: Data = {
    "source": "../phantoms",
    "synthetic": True,
    "fingerprint": "0123",
    "images": {part: {"normal": 1500, "benign": 1500} for part in ("train", "validation", "test")},
    "findings": ["Two pictures are the same."],
}
RECORD: dict[str, Any] = {
    "model": "cainvas",
    "parameters": 57987,
    "seed": 11,
    "options": {"train": {"epochs": 50}},
    "packages": {"numpy": "1.26.4"},
    "data": DATA,
}
ARENA = plan_arena(read_model(Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"))
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
def pictures() -> npt.NDArray[np.uint8]:
    """The test pictures of `report`, in order."""
    return np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1), dtype=np.uint8)


@pytest.fixture(scope="session")
def report(pictures: npt.NDArray[np.uint8]) -> RunReport:
    variants = (
        Variant("float32", SCORES, COSTS),
        Variant("int8_ptq", SCORES, SMALLER),
        Variant("int8_qat", WORSE, SMALLER),
    )
    shown = ("float32", "int8_qat")
    return RunReport(
        record=RECORD,
        metrics=RunMetrics(("normal", "benign"), 3000, DATA, variants, "float32", None, "int8_qat"),
        history={"train": ROWS, "prune": ROWS[:2], "qat": ROWS[:1]},
        evidence=ClassEvidence(
            groups=score_groups(
                np.repeat(np.arange(12), 3), {name: np.arange(36) % 4 / 3 for name in shown}, "int8_qat"
            ),
            difference="They give 1 of 3,000 images another class.",
            confusion=dict.fromkeys(shown, ((1400, 100), (80, 1420))),
            curves={name: CurveCounts.of(curve(LABELS, PROBABILITIES)) for name in shown},
            examples=tuple(
                Example(png(image), index % 2, {"int8_qat": (0, 0.75)})
                for index, image in enumerate(pictures)
            ),
            differing=(Example(png(pictures[0]), 1, {"float32": (1, 0.5), "int8_qat": (0, 0.625)}),),
        ),
        arena=ARENA,
        devices=(),
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
    dice = {"float32": 0.5, "int8_ptq": 0.25}
    return replace(
        report,
        metrics=replace(
            report.metrics,
            classes=("foreground",),
            background=0.5,
            chosen="int8_ptq",
            variants=tuple(Variant(name, MaskFigures(**vars(of)), COSTS) for name, of in scores.items()),
        ),
        history={"train": [{**row, "dice": 0.5, "val_dice": 0.4} for row in ROWS]},
        evidence=MaskEvidence(
            groups=score_groups(np.arange(12) // 2, dict.fromkeys(scores, np.arange(12) / 12), "int8_ptq"),
            difference="They differ in 50.0% of all pixels.",
            examples=tuple(
                MaskExample(png(overlay(images[i], masks[i], last[i])), 0.5, {"int8_ptq": 0.25})
                for i in range(5)
            ),
            differing=tuple(
                MaskExample(png(overlay(images[i], first[i], last[i])), 0.5, dice) for i in range(5)
            ),
        ),
    )
