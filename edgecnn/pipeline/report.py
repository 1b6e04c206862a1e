# SPDX-License-Identifier: Apache-2.0
"""What a run shows of itself: metrics.json and evidence.json, and the pages that are made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgecnn.compiler.reading.tflite import read_model
from edgecnn.compiler.targets import find_target
from edgecnn.data.arrays import Arrays
from edgecnn.errors import ModelError, RunError
from edgecnn.evaluation.accuracy import confusion_matrix
from edgecnn.evaluation.arena import ArenaPlans, plan_arena
from edgecnn.evaluation.binary import CurveCounts, curve
from edgecnn.evaluation.devices import DeviceReport
from edgecnn.evaluation.evidence import ClassEvidence, Confusion, MaskEvidence, read_evidence
from edgecnn.evaluation.groups import score_groups
from edgecnn.evaluation.model_card import write_model_card
from edgecnn.evaluation.report import RunReport, write_report
from edgecnn.evaluation.results import Metrics, RunMetrics, ended_in
from edgecnn.files import write_json
from edgecnn.pipeline.device_costs import CORE, device_costs, latency_of_c
from edgecnn.pipeline.evaluate import Evaluation, Timing, evaluate_models
from edgecnn.pipeline.examples import (
    choose_differing,
    choose_differing_masks,
    choose_examples,
    choose_mask_examples,
    scores_by_image,
)
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.history import read_history
from edgecnn.progress import Progress, silent
from edgecnn.values import as_json, read_json


def evaluate_run(run: Run, test: Arrays, progress: Progress) -> None:
    """Measure every variant in `run`; write metrics.json, evidence.json, report.html and model_card.md."""
    record, models = run.record(), run.variants()
    evaluation = evaluate_models(models, "float32", test, run.labels(), record["data"], Timing(), progress)
    arena = _plan(run, progress)
    metrics = _run_metrics(evaluation.metrics, record.get("post_training", ()), _on_device(run, progress))
    evidence = _evidence(test, evaluation, metrics)
    write_json(run.evidence_file, as_json(evidence))
    write_report(run.report_file, RunReport(record, metrics, read_history(run), evidence, arena, ()))
    write_model_card(run.model_card_file, record, metrics)
    write_json(run.metrics_file, metrics.as_json())


def rewrite_report(run: Run) -> None:
    """Write report.html anew of what the run folder holds, with what was measured on devices meanwhile.

    Raises:
        RunError: a file is damaged.
    """
    metrics = run.metrics()
    evidence = read_evidence(run.evidence_file, metrics)
    devices = [
        read_json(path, DeviceReport, "what was measured on a device", RunError)
        for path in run.device_files()
    ]
    report = RunReport(run.record(), metrics, read_history(run), evidence, _plan(run, silent), devices)
    write_report(run.report_file, report)


def _plan(run: Run, progress: Progress) -> ArenaPlans | None:
    """Plan the memory of the int8 model, if there is one that can be compiled."""
    if not run.int8_model.exists():
        return None
    progress("planning memory", 0, 1)
    try:
        return plan_arena(read_model(run.int8_model), find_target(_core(run)).isa)
    except ModelError:
        return None
    finally:
        progress("planning memory", 1, 1)


def _core(run: Run) -> str:
    """Return the core whose figures are shown."""
    return str(run.record().get("compress", {}).get("target", CORE))


def _on_device(run: Run, progress: Progress) -> dict[str, dict[str, Any]]:
    """Return what the C of each int8 variant takes, fields of `Costs`, by its name."""
    paths = {name: path for name, path in run.variants().items() if name.startswith("int8")}
    by_variant: dict[str, dict[str, Any]] = {}
    for done, (name, path) in enumerate(paths.items(), 1):
        if costs := device_costs(path, _core(run)):
            by_variant[name] = {**vars(costs), "c_latency_us": latency_of_c(path)}
        progress("compiling", done, len(paths), name)
    return by_variant


def _run_metrics(
    measured: Metrics, post_training: Sequence[str], on_device: Mapping[str, Mapping[str, Any]]
) -> RunMetrics:
    """Add to figures what is of a run: the variant it ended in, and what the C of its variants takes."""
    chosen = ended_in([variant.name for variant in measured.variants])
    variants = tuple(
        replace(variant, costs=replace(variant.costs, **on_device[variant.name]))
        if variant.name in on_device
        else variant
        for variant in measured.variants
    )
    fields: dict[str, Any] = {**vars(measured), "variants": variants}
    return RunMetrics(**fields, chosen=chosen, post_training=tuple(post_training))


def _evidence(test: Arrays, evaluation: Evaluation, metrics: RunMetrics) -> ClassEvidence | MaskEvidence:
    """Gather what the report shows of the chosen variant and of its reference."""
    reference, chosen = metrics.reference, metrics.chosen
    pair = dict.fromkeys((reference, chosen))
    shown = {name: scores for name, scores in scores_by_image(test, evaluation).items() if name in pair}
    groups = score_groups(np.array(test.groups), shown, chosen)
    if test.masks is not None:
        masks = choose_mask_examples(test, evaluation, chosen)
        if reference == chosen:
            return MaskEvidence(groups, None, masks, ())
        sentence, marked = choose_differing_masks(test, evaluation, reference, chosen)
        return MaskEvidence(groups, sentence, masks, marked)
    counts = {name: _confusion(test, evaluation, name) for name in pair}
    curves = {name: _curve(test, evaluation, name) for name in pair if len(metrics.classes) == 2}
    examples = choose_examples(test, evaluation, chosen)
    if reference == chosen:
        return ClassEvidence(groups, None, counts, curves, examples, ())
    sentence, differing = choose_differing(test, evaluation, reference, chosen)
    return ClassEvidence(groups, sentence, counts, curves, examples, differing)


def _confusion(test: Arrays, evaluation: Evaluation, name: str) -> Confusion:
    classes = len(evaluation.metrics.classes)
    counts = confusion_matrix(test.labels, evaluation.predictions[name], classes)
    return tuple(map(tuple, counts.tolist()))


def _curve(test: Arrays, evaluation: Evaluation, name: str) -> CurveCounts:
    return CurveCounts.of(curve(test.labels, evaluation.probabilities[name][:, 1]))
