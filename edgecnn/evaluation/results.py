# SPDX-License-Identifier: Apache-2.0
"""What metrics.json holds: the figures of every variant of a run, as they are read back.

A key that is not required is one that some runs have: those of masks, of two classes, or of other versions.
"""

from typing import TypedDict

from edgecnn.values import Count, Share

Interval = tuple[float, float]


class Estimate(TypedDict, total=False):
    """A figure with its 95% interval."""

    value: float
    ci95: Interval


class Latency(TypedDict, total=False):
    """Times of single inferences in microseconds."""

    median: float
    p95: float
    runs: Count


class Binary(TypedDict, total=False):
    """What one number says of two classes."""

    auc: Estimate
    average_precision: float
    sensitivity_at_90_specificity: Estimate
    threshold: float
    sensitivity: Estimate
    specificity: Estimate


class Variant(TypedDict, total=False):
    """The figures of one model."""

    accuracy: Share
    balanced_accuracy: float
    accuracy_loss: float  # percentage points; so is dice_loss
    accuracy_loss_ci95: Interval
    agreement: Share
    binary: Binary
    pixel_accuracy: Share
    iou: Share
    dice: Share
    iou_per_image: Estimate
    dice_per_image: Estimate
    dice_loss: float
    dice_loss_ci95: Interval
    threshold: float
    bytes: Count
    gzip_bytes: Count
    sparsity: Share | None
    latency_us: Latency
    runtime: str
    threads: Count
    arena_bytes: Count
    arena_bytes_whole: Count


class Data(TypedDict, total=False):
    """What run.json and metrics.json say of the images."""

    source: str
    synthetic: bool
    fingerprint: str
    images: dict[str, dict[str, Count]]  # of each part, of each class
    skipped: list[str]
    findings: list[str]
    window: str | None  # of images of more than 8 bits


class _Metrics(TypedDict):
    classes: list[str]
    test_images: Count
    data: Data
    variants: dict[str, Variant]


class Metrics(_Metrics, total=False):
    """The figures of a run."""

    background: Share  # of the pixels, where images have masks
    post_training: list[str]
