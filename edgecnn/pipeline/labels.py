# SPDX-License-Identifier: Apache-2.0
"""What the classes of a .tflite file are called."""

from pathlib import Path

from edgecnn.converters.tflite_metadata import read_labels
from edgecnn.errors import ModelError


def class_labels(model: Path, classes: int) -> tuple[str, ...] | None:
    """Return the labels in labels.txt beside a .tflite file, else those in its metadata; None without either.

    Raises:
        ModelError: there are not as many as the model tells `classes` apart, or the file is damaged.
    """
    beside = model.with_name("labels.txt")
    if beside.exists():
        text, source = beside.read_text(encoding="utf-8", errors="replace"), str(beside)
        labels: tuple[str, ...] | None = tuple(text.splitlines())
    else:
        labels, source = read_labels(model.read_bytes()), f"{model}'s metadata"
    if labels is not None and len(labels) != classes:
        raise ModelError(f"{source} has {len(labels)} labels, but the model tells {classes} classes apart")
    return labels
