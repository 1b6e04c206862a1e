# SPDX-License-Identifier: Apache-2.0
"""The table of variants, as the terminal and the report both show it."""

from collections.abc import Mapping
from typing import Any

from edgecnn.evaluation.accuracy import Interval

# The variants of a run, each made from one before it, and how a person would call them.
VARIANTS = {
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
COST_COLUMNS = ("bytes", "gzip", "median µs", "p95 µs")


def summary_rows(metrics: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the columns and the rows of the table of variants, as text.

    Args:
        metrics: the content of metrics.json, whose first variant is the one that others are compared with.
    """
    masks = has_masks(metrics)
    rows = [
        (variant_title(name), *(_overlap if masks else _accuracy)(scores), *_cost(scores))
        for name, scores in metrics["variants"].items()
    ]
    columns = (*(MASK_COLUMNS if masks else COLUMNS), *COST_COLUMNS)
    loss = columns.index("loss in points (95%)")
    first, *others = rows
    return columns, [(*first[:loss], "-", *first[loss + 1 :]), *others]


def has_masks(metrics: Mapping[str, Any]) -> bool:
    """Say whether metrics.json tells of masks in place of classes."""
    return "background" in metrics


def baseline_note(metrics: Mapping[str, Any]) -> str:
    """Return a sentence on what calling every pixel background would score; nothing for classes."""
    if not has_masks(metrics):
        return ""
    return (
        f"Calling every pixel background would score a pixel accuracy of {percent(metrics['background'])} "
        "and, where there is something, a Dice of 0. Dice and IoU are means over images; loss is of Dice. "
        + _mask_thresholds(metrics["variants"])
    ).strip()


def _mask_thresholds(variants: Mapping[str, Any]) -> str:
    """Say from which sigmoid on pixels are marked; nothing of metrics that don't tell."""
    if not all("threshold" in scores for scores in variants.values()):
        return ""
    named = ", ".join(f"{scores['threshold']:.3f} ({name})" for name, scores in variants.items())
    return f"A pixel is marked from a sigmoid of {named} on, the best on the validation images."


BINARY_COLUMNS = (
    "model",
    "AUC (95%)",
    "sensitivity at 90% specificity (95%)",
    "threshold",
    "sensitivity",
    "specificity",
)


def binary_rows(metrics: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]] | None:
    """Return the table of what one number says of two classes; None where there are more."""
    variants = metrics["variants"]
    if not all("binary" in scores for scores in variants.values()):
        return None
    rows = [_binary_row(variant_title(name), scores["binary"]) for name, scores in variants.items()]
    return BINARY_COLUMNS, rows


def _binary_row(title: str, scores: Mapping[str, Any]) -> tuple[str, ...]:
    auc, at_90 = scores["auc"], scores["sensitivity_at_90_specificity"]
    (low, high), (low_90, high_90) = auc["ci95"], at_90["ci95"]
    return (
        title,
        f"{auc['value']:.3f} ({low:.3f} to {high:.3f})",
        f"{percent(at_90['value'])} ({100 * low_90:.1f} to {100 * high_90:.1f})",
        f"{scores['threshold']:.3f}",
        percent(scores["sensitivity"]["value"]),
        percent(scores["specificity"]["value"]),
    )


CALIBRATION_COLUMNS = ("model", "expected calibration error", "overconfidence")


def calibration_rows(metrics: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]] | None:
    """Return the table of how far probabilities are from what is so, in points; None for masks."""
    variants = metrics["variants"]
    if not all("calibration" in scores for scores in variants.values()):
        return None
    rows: list[tuple[str, ...]] = [
        (
            variant_title(name),
            f"{100 * scores['calibration']['expected_error']:.1f} points",
            f"{100 * scores['calibration']['overconfidence']:+.1f} points",
        )
        for name, scores in variants.items()
    ]
    return CALIBRATION_COLUMNS, rows


def latency_note(metrics: Mapping[str, Any]) -> str:
    """Return a sentence on what latencies were measured with: a runtime's kernels make all the difference."""
    variants: dict[str, list[str]] = {}
    for name, scores in metrics["variants"].items():
        variants.setdefault(scores["runtime"], []).append(name)
    measured = "; ".join(f"{', '.join(names)} by {runtime}" for runtime, names in variants.items())
    threads = next(iter(metrics["variants"].values()))["threads"]
    unit = "thread" if threads == 1 else "threads"
    return f"Latency is that of this computer with {threads} {unit}: {measured}."


def variant_title(name: str) -> str:
    """Return how a person would call a variant, or "variant, C"; a file is called by its name."""
    variant, comma, how = name.partition(",")
    return VARIANTS.get(variant, variant) + comma + how


def _accuracy(scores: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        percent(scores["accuracy"]),
        points(scores["accuracy_loss"], scores["accuracy_loss_ci95"]),
        percent(scores["agreement"]),
    )


def _overlap(scores: Mapping[str, Any]) -> tuple[str, ...]:
    dice, (low, high) = scores["dice_per_image"]["value"], scores["dice_per_image"]["ci95"]
    return (
        f"{percent(dice)} ({100 * low:.1f} to {100 * high:.1f})",
        points(scores["dice_loss"], scores["dice_loss_ci95"]),
        percent(scores["iou_per_image"]["value"]),
        percent(scores["dice"]),
        percent(scores["pixel_accuracy"]),
        percent(scores["agreement"]),
    )


def _cost(scores: Mapping[str, Any]) -> tuple[str, ...]:
    latency = scores["latency_us"]
    return (
        f"{scores['bytes']:,}",
        f"{scores['gzip_bytes']:,}",
        microseconds(latency["median"]),
        microseconds(latency["p95"]),
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
