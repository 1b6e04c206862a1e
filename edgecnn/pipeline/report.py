# SPDX-License-Identifier: Apache-2.0
"""What a run shows of itself: metrics.json and report.html."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.data.arrays import Arrays
from edgecnn.evaluation.accuracy import confusion_matrix
from edgecnn.evaluation.binary import Curve, curve
from edgecnn.evaluation.report import Example, RunReport, write_report
from edgecnn.files import write_json
from edgecnn.pipeline.evaluate import Evaluation, Timing, evaluate_models
from edgecnn.pipeline.history import read_history
from edgecnn.pipeline.run import Run
from edgecnn.progress import Progress

EXAMPLES = 5


def evaluate_run(run: Run, test: Arrays, progress: Progress) -> Evaluation:
    """Measure every variant in `run`; write metrics.json and report.html there."""
    record = run.record()
    evaluation = evaluate_models(run.variants(), test, run.labels(), record["data"], Timing(), progress)
    if left := record.get("post_training"):
        evaluation.metrics["post_training"] = left
    write_report(run.report_file, _report(run, record, test, evaluation))
    write_json(run.metrics_file, evaluation.metrics)
    return evaluation


def _report(run: Run, record: Mapping[str, Any], test: Arrays, evaluation: Evaluation) -> RunReport:
    classes = len(run.labels())
    answers = evaluation.predictions
    last = list(answers)[-1]
    return RunReport(
        title=f"{record['model']} on {Path(record['data']['source']).name}",
        summary=_summary(record, evaluation.metrics["variants"]),
        synthetic=record["data"]["synthetic"],
        metrics=evaluation.metrics,
        history=read_history(run),
        confusion={name: confusion_matrix(test.labels, answer, classes) for name, answer in answers.items()},
        curves=_curves(test, evaluation),
        examples=[_example(test, evaluation, last, index) for index in _pick(test.labels)],
        findings=_findings(record["data"]["skipped"]),
        run=record,
    )


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


def _findings(skipped: Sequence[str]) -> tuple[str, ...]:
    if not skipped:
        return ()
    return (f"{len(skipped):,} files can't be decoded and were left out: {', '.join(skipped)}",)


def _pick(labels: npt.NDArray[np.int64]) -> list[int]:
    """Choose example images: spread over the classes, the same in every run."""
    by_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    rounds = [int(images[i]) for i in range(EXAMPLES) for images in by_class if i < len(images)]
    return rounds[:EXAMPLES]


def _example(test: Arrays, evaluation: Evaluation, variant: str, index: int) -> Example:
    predicted = int(evaluation.predictions[variant][index])
    return Example(
        image=test.images[index],
        actual=int(test.labels[index]),
        predicted=predicted,
        probability=float(evaluation.probabilities[variant][index, predicted]),
    )
