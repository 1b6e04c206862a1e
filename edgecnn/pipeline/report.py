# SPDX-License-Identifier: Apache-2.0
"""What a run shows of itself: metrics.json, report.html and model_card.md."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.compiler.reading.tflite import read_model
from edgecnn.data.arrays import Arrays
from edgecnn.errors import ModelError
from edgecnn.evaluation.accuracy import confusion_matrix
from edgecnn.evaluation.arena import ArenaPlans, plan_arena
from edgecnn.evaluation.binary import Curve, curve
from edgecnn.evaluation.groups import score_groups
from edgecnn.evaluation.model_card import write_model_card
from edgecnn.evaluation.report import RunReport, write_report
from edgecnn.files import write_json
from edgecnn.pipeline.evaluate import Evaluation, Timing, evaluate_models
from edgecnn.pipeline.examples import choose_disagreements, choose_examples, scores_by_image
from edgecnn.pipeline.history import read_history
from edgecnn.pipeline.run import Run
from edgecnn.progress import Progress


def evaluate_run(run: Run, test: Arrays, progress: Progress) -> Evaluation:
    """Measure every variant in `run`; write metrics.json, report.html and model_card.md there."""
    record = run.record()
    evaluation = evaluate_models(run.variants(), test, run.labels(), record["data"], Timing(), progress)
    if left := record.get("post_training"):
        evaluation.metrics["post_training"] = left
    arena = _plan(run, progress)
    if arena:
        planned = {"arena_bytes": arena.rows.bytes, "arena_bytes_whole": arena.whole.bytes}
        list(evaluation.metrics["variants"].values())[-1].update(planned)
    summary = _summary(record, evaluation.metrics["variants"])
    write_report(run.report_file, _report(run, record, summary, test, evaluation, arena))
    write_model_card(run.model_card_file, record, evaluation.metrics, summary)
    write_json(run.metrics_file, evaluation.metrics)
    return evaluation


def _plan(run: Run, progress: Progress) -> ArenaPlans | None:
    """Plan the memory of the int8 model, if there is one that can be compiled."""
    if not run.int8_model.exists():
        return None
    progress("planning memory", 0, 1)
    try:
        return plan_arena(read_model(run.int8_model))
    except ModelError:
        return None
    finally:
        progress("planning memory", 1, 1)


def _report(
    run: Run,
    record: Mapping[str, Any],
    summary: str,
    test: Arrays,
    evaluation: Evaluation,
    arena: ArenaPlans | None,
) -> RunReport:
    return RunReport(
        title=f"{record['model']} on {Path(record['data']['source']).name}",
        summary=summary,
        synthetic=record["data"]["synthetic"],
        metrics=evaluation.metrics,
        history=read_history(run),
        confusion=_confusion(test, evaluation),
        curves=_curves(test, evaluation),
        groups=score_groups(np.array(test.groups), scores_by_image(test, evaluation)),
        examples=choose_examples(test, evaluation),
        disagreements=choose_disagreements(test, evaluation),
        arena=arena,
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
        if left := record.get("post_training"):
            text += f" Quantized after training only, as the toolkit can't train them: {', '.join(left)}."
    elif "int8_ptq" in variants:
        text += " It was then quantized to int8 without further training."
    return text
