# SPDX-License-Identifier: Apache-2.0
"""The table of variants, as the terminal and the report both show it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from edgecnn.compiler.fits import Needs, sentences
from edgecnn.compiler.targets import TARGETS
from edgecnn.evaluation.accuracy import Interval
from edgecnn.evaluation.binary import BinaryScores
from edgecnn.evaluation.results import (
    ClassFigures,
    Costs,
    Instructions,
    MaskFigures,
    Metrics,
    RunMetrics,
    Variant,
)

_SURE = 1.96  # standard deviations
Table = tuple[tuple[str, ...], list[tuple[str, ...]]]  # columns, rows

_TITLES = {  # how a person would call the variants of a run
    "float32": "float32",
    "float32_pruned": "float32, pruned",
    "int8_ptq": "int8, post-training",
    "int8_qat": "int8, pruned + QAT",
}

COLUMNS = (
    "model",
    "accuracy",
    "loss in points (95%)",
    "agreement",
)
MASK_COLUMNS = (
    "model",
    "Dice (95%)",
    "loss in points (95%)",
    "IoU",
    "Dice, all pixels",
    "pixel accuracy",
    "agreement",
)
DEVICE_COLUMNS = (
    "model as C",
    "flash, bytes",
    "of it constants",
    "RAM, bytes",
    "MACs",
    "instructions",
    "core",
    "instructions and code",
    "µs of the C here",
)
COST_COLUMNS = ("bytes", "gzip", "median µs", "p95 µs")
# Those that a narrow page may leave out, the first ones first.
SPARE_COLUMNS = ("p95 µs", "gzip", "pixel accuracy", "Dice, all pixels", "IoU", "median µs", "agreement")
SPARE_BINARY_COLUMNS = ("threshold", "specificity", "sensitivity")
SPARE_DEVICE_COLUMNS = ("of it constants", "MACs", "µs of the C here", "instructions and code", "core")


def summary_rows(metrics: Metrics) -> Table:
    """Return the columns and the rows of the table of variants, as text."""
    rows = [
        (variant_title(variant.name), *_scores(variant, metrics.reference), *_costs(variant.costs))
        for variant in metrics.variants
    ]
    return (*(MASK_COLUMNS if metrics.masks else COLUMNS), *COST_COLUMNS), rows


def device_rows(metrics: Metrics) -> Table | None:
    """Return the table of what the C of each int8 variant takes on a core; None where nothing is known."""
    rows = [
        _device_row(variant, variant.costs.instructions)
        for variant in metrics.variants
        if variant.costs.instructions is not None
    ]
    return (DEVICE_COLUMNS, rows) if rows else None


def _device_row(variant: Variant, instructions: Instructions) -> tuple[str, ...]:
    costs = variant.costs
    return (
        variant_title(variant.name),
        f"{costs.flash_bytes:,}",
        f"{costs.const_bytes:,}",
        f"{costs.arena_bytes:,}",
        f"{costs.macs:,}",
        f"{instructions.count:,}",
        instructions.target,
        "measured" if instructions.measured else "estimated",
        "-" if costs.c_latency_us is None else microseconds(costs.c_latency_us),
    )


def fit_sentences(metrics: Metrics) -> list[str]:
    """Return whether the model that a run ended in fits the part of its core, and how long it takes there."""
    if not isinstance(metrics, RunMetrics):
        return []
    costs = metrics[metrics.chosen].costs
    told, flash, ram = costs.instructions, costs.flash_bytes, costs.arena_bytes
    if told is None or flash is None or ram is None or told.target not in TARGETS:
        return []
    return sentences(Needs(TARGETS[told.target], flash, ram, told.count, told.measured))


def headline(metrics: Metrics) -> str:
    """Return a sentence on what compression brought on the device, where that is known; else nothing."""
    variants = {variant.name: variant for variant in metrics.variants}
    if not {"int8_ptq", "int8_qat"} <= variants.keys():
        return ""
    dense, small = variants["int8_ptq"].costs, variants["int8_qat"].costs
    if dense.instructions is None or small.instructions is None:
        return ""
    pairs = (
        (dense.instructions.count, small.instructions.count, "fewer instructions"),
        (dense.flash_bytes, small.flash_bytes, "less flash"),
        (dense.arena_bytes, small.arena_bytes, "less RAM"),
    )
    ratios = ", ".join(f"{(was or 0) / (now or 1):.1f} times {what}" for was, now, what in pairs)
    return (
        f"int8_qat against int8_ptq on {small.instructions.target}: {ratios}; loss "
        f"{points(*variants['int8_qat'].scores.loss)} points against {metrics.reference}."
    )


def _chance_note(metrics: Metrics) -> str:
    """Return a sentence on models that may as well guess; nothing where there are none.

    Those are meant whose balanced accuracy is within what guessing reaches in 97.5 of 100 cases: the recall
    of each class is a mean of as many guesses as the class has images.
    """
    count = len(metrics.classes)
    tests = metrics.data.get("images", {}).get("test", {})
    images = [tests.get(name) or max(1, metrics.test_images // count) for name in metrics.classes]
    guess = 1 / count
    deviation = math.sqrt(sum(guess * (1 - guess) / number for number in images)) / count
    names = [
        variant_title(variant.name)
        for variant in metrics.variants
        if isinstance(variant.scores, ClassFigures)
        and variant.scores.balanced_accuracy <= guess + _SURE * deviation
    ]
    if not names:
        return ""
    return (
        f"No better than guessing, which is right in {percent(guess)}: {'; '.join(names)}. Train for more "
        "epochs, or on more images, and see 'edgecnn data check'."
    )


def baseline_note(metrics: Metrics) -> str:
    """Return a sentence on what answering without looking would score.

    Of masks, what calling every pixel background would; of classes, nothing where each model is better.
    """
    if metrics.background is None:
        return _chance_note(metrics)
    return (
        f"Calling every pixel background would score a pixel accuracy of {percent(metrics.background)} "
        "and, where there is something, a Dice of 0. Dice and IoU are means over images; loss is of Dice. "
        + _mask_thresholds(metrics.variants)
    ).strip()


def _mask_thresholds(variants: Sequence[Variant]) -> str:
    """Say from which sigmoid on pixels are marked; nothing of metrics that don't tell."""
    thresholds = {
        variant.name: variant.scores.threshold
        for variant in variants
        if isinstance(variant.scores, MaskFigures) and variant.scores.threshold is not None
    }
    if len(thresholds) < len(variants):
        return ""
    named = ", ".join(f"{threshold:.3f} ({name})" for name, threshold in thresholds.items())
    return f"A pixel is marked from a sigmoid of {named} on, the best on the validation images."


BINARY_COLUMNS = (
    "model",
    "AUC (95%)",
    "sensitivity at 90% specificity (95%)",
    "threshold",
    "sensitivity",
    "specificity",
)


def binary_rows(metrics: Metrics) -> Table | None:
    """Return the table of what one number says of two classes; None where there are more."""
    rows = [
        _binary_row(variant_title(variant.name), variant.scores.binary)
        for variant in metrics.variants
        if isinstance(variant.scores, ClassFigures) and variant.scores.binary
    ]
    return (BINARY_COLUMNS, rows) if len(rows) == len(metrics.variants) else None


def _binary_row(title: str, scores: BinaryScores) -> tuple[str, ...]:
    auc, at_90 = scores.auc, scores.sensitivity_at_90_specificity
    (low, high), (low_90, high_90) = auc.ci95, at_90.ci95
    return (
        title,
        f"{auc.value:.3f} ({low:.3f} to {high:.3f})",
        f"{percent(at_90.value)} ({100 * low_90:.1f} to {100 * high_90:.1f})",
        f"{scores.threshold:.3f}",
        percent(scores.sensitivity.value),
        percent(scores.specificity.value),
    )


CALIBRATION_COLUMNS = ("model", "expected calibration error", "overconfidence")


def calibration_rows(metrics: Metrics) -> Table | None:
    """Return the table of how far probabilities are from what is so, in points; None for masks."""
    rows = [
        (
            variant_title(variant.name),
            f"{100 * variant.scores.calibration.expected_error:.1f} points",
            f"{100 * variant.scores.calibration.overconfidence:+.1f} points",
        )
        for variant in metrics.variants
        if isinstance(variant.scores, ClassFigures) and variant.scores.calibration
    ]
    return (CALIBRATION_COLUMNS, [*rows]) if len(rows) == len(metrics.variants) else None


def latency_note(metrics: Metrics) -> str:
    """Return a sentence on what latencies were measured with: a runtime's kernels make all the difference."""
    names: dict[str, list[str]] = {}
    for variant in metrics.variants:
        names.setdefault(variant.costs.runtime, []).append(variant.name)
    measured = "; ".join(f"{', '.join(of)} by {runtime}" for runtime, of in names.items())
    threads = metrics[metrics.reference].costs.threads
    unit = "thread" if threads == 1 else "threads"
    return f"Latency is that of this computer with {threads} {unit}: {measured}."


def provenance(record: Mapping[str, Any], metrics: Metrics) -> str:
    """Return a sentence or two on how a run's models came about.

    Args:
        record: the content of run.json.
        metrics: the figures of the run.
    """
    counts = {part: sum(classes.values()) for part, classes in record["data"]["images"].items()}
    text = (
        f"The network {record['model']} ({record['parameters']:,} parameters), trained on "
        f"{counts['train']:,} images, chosen on {counts['validation']:,} and "
        f"measured on {counts['test']:,} others."
    )
    variants = {variant.name: variant for variant in metrics.variants}
    if "int8_qat" in variants:
        text += f" {_removed(record, variants)}, and it was quantized to int8."
        if left := record.get("post_training"):
            text += f" Quantized after training only, as the toolkit can't train them: {', '.join(left)}."
    elif "int8_ptq" in variants:
        text += " It was then quantized to int8 without further training."
    return text


def _removed(record: Mapping[str, Any], variants: Mapping[str, Variant]) -> str:
    """Say what went before quantization: single weights or whole filters."""
    costs = variants["int8_qat"].costs
    if "target" not in record.get("compress", {}):
        return f"{100 * (costs.sparsity or 0):.3g}% of its weights were then made zero"
    whole = variants["int8_ptq"].costs.macs if "int8_ptq" in variants else None
    left = f", which left {costs.macs / whole:.1%} of its multiplications" if costs.macs and whole else ""
    return f"Filters were then removed{left}"


def variant_title(name: str) -> str:
    """Return how a person would call a variant, or "variant, C"; a file is called by its name."""
    variant, comma, how = name.partition(",")
    return _TITLES.get(variant, variant) + comma + how


def _scores(variant: Variant, reference: str) -> tuple[str, ...]:
    """Return the cells of what a model is right in; the reference has no loss against itself."""
    scores = variant.scores
    loss = "-" if variant.name == reference else points(*scores.loss)
    if isinstance(scores, ClassFigures):
        return percent(scores.accuracy), loss, percent(scores.agreement)
    low, high = scores.dice_per_image.ci95
    return (
        f"{percent(scores.dice_per_image.value)} ({100 * low:.1f} to {100 * high:.1f})",
        loss,
        percent(scores.iou_per_image.value),
        percent(scores.dice),
        percent(scores.pixel_accuracy),
        percent(scores.agreement),
    )


def _costs(costs: Costs) -> tuple[str, ...]:
    return (
        f"{costs.bytes:,}",
        f"{costs.gzip_bytes:,}",
        microseconds(costs.latency_us.median),
        microseconds(costs.latency_us.p95),
    )


def percent(share: float) -> str:
    """Write a share of 0 to 1 as a percentage with one decimal."""
    return f"{100 * share:.1f}%"


def points(loss: float, ci95: Interval) -> str:
    """Write a loss in percentage points with its interval."""
    return f"{loss:.2f} ({ci95[0]:.2f} to {ci95[1]:.2f})"


def microseconds(value: float) -> str:
    """Write a time in microseconds with about three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
