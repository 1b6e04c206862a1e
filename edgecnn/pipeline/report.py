# SPDX-License-Identifier: Apache-2.0
"""What a run shows of itself: metrics.json, report.html and model_card.md."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.data.arrays import Arrays
from edgecnn.evaluation.accuracy import confusion_matrix
from edgecnn.evaluation.binary import Curve, curve
from edgecnn.evaluation.model_card import write_model_card
from edgecnn.evaluation.overlap import dice_by_image
from edgecnn.evaluation.report import Example, MaskExample, RunReport, write_report
from edgecnn.files import write_json
from edgecnn.pipeline.evaluate import Evaluation, Timing, evaluate_models
from edgecnn.pipeline.history import read_history
from edgecnn.pipeline.run import Run
from edgecnn.progress import Progress

EXAMPLES = 5


def evaluate_run(run: Run, test: Arrays, progress: Progress) -> Evaluation:
    """Measure every variant in `run`; write metrics.json, report.html and model_card.md there."""
    record = run.record()
    evaluation = evaluate_models(run.variants(), test, run.labels(), record["data"], Timing(), progress)
    if left := record.get("post_training"):
        evaluation.metrics["post_training"] = left
    summary = _summary(record, evaluation.metrics["variants"])
    write_report(run.report_file, _report(run, record, summary, test, evaluation))
    write_model_card(run.model_card_file, record, evaluation.metrics, summary)
    write_json(run.metrics_file, evaluation.metrics)
    return evaluation


def _report(
    run: Run, record: Mapping[str, Any], summary: str, test: Arrays, evaluation: Evaluation
) -> RunReport:
    last = list(evaluation.predictions)[-1]
    return RunReport(
        title=f"{record['model']} on {Path(record['data']['source']).name}",
        summary=summary,
        synthetic=record["data"]["synthetic"],
        metrics=evaluation.metrics,
        history=read_history(run),
        confusion=_confusion(test, evaluation),
        curves=_curves(test, evaluation),
        examples=_examples(test, evaluation, last),
        findings=record["data"].get("findings", ()),
        run=record,
    )


def _confusion(test: Arrays, evaluation: Evaluation) -> dict[str, npt.NDArray[np.int64]]:
    if test.masks is not None:
        return {}
    classes = len(evaluation.metrics["classes"])
    return {
        name: confusion_matrix(test.labels, answer, classes)
        for name, answer in evaluation.predictions.items()
    }


def _curves(test: Arrays, evaluation: Evaluation) -> dict[str, Curve]:
    probabilities = evaluation.probabilities
    if len(evaluation.metrics["classes"]) != 2:
        return {}
    return {name: curve(test.labels, values[:, 1]) for name, values in probabilities.items()}


def _summary(record: Mapping[str, Any], variants: Mapping[str, Any]) -> str:
    counts = {split: sum(classes.values()) for split, classes in record["data"]["images"].items()}
    text = (
        f"The network {record['model']} ({record['parameters']:,} parameters), trained on "
        f"{counts['train']:,} images, chosen on {counts['validation']:,} and "
        f"measured on {counts['test']:,} others."
    )
    if "int8_qat" in variants:
        zeros = 100 * variants["int8_qat"]["sparsity"]
        text += f" {zeros:.3g}% of its weights were then made zero, and it was quantized to int8."
        if left := record["post_training"]:
            text += f" Quantized after training only, as the toolkit can't train them: {', '.join(left)}."
    elif "int8_ptq" in variants:
        text += " It was then quantized to int8 without further training."
    return text


def _pick(labels: npt.NDArray[np.int64]) -> list[int]:
    """Choose example images: spread over the classes, the same in every run."""
    by_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    rounds = [int(images[i]) for i in range(EXAMPLES) for images in by_class if i < len(images)]
    return rounds[:EXAMPLES]


def _examples(test: Arrays, evaluation: Evaluation, variant: str) -> list[Example | MaskExample]:
    if test.masks is None:
        return [_example(test, evaluation, variant, index) for index in _pick(test.labels)]
    actual, predicted = test.masks == 1, evaluation.predictions[variant]
    dice = dice_by_image(actual, predicted)
    # Spread over how well they match, the best first.
    order = np.argsort(-dice, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(EXAMPLES, len(order))).astype(int)]
    return [MaskExample(test.images[i], actual[i], predicted[i], float(dice[i])) for i in chosen.tolist()]


def _example(test: Arrays, evaluation: Evaluation, variant: str, index: int) -> Example:
    predicted = int(evaluation.predictions[variant][index])
    return Example(
        image=test.images[index],
        actual=int(test.labels[index]),
        predicted=predicted,
        probability=float(evaluation.probabilities[variant][index, predicted]),
    )
