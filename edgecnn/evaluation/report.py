# SPDX-License-Identifier: Apache-2.0
"""report.html: one file that shows a whole run and needs nothing but a browser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Example:
    """A test picture and the answer of the last variant in the metrics."""

    image: npt.NDArray[np.uint8]  # (h, w), (h, w, 1) or (h, w, 3)
    actual: int  # index of the class
    predicted: int
    probability: float  # of the predicted class, 0 to 1


@dataclass(frozen=True)
class RunReport:
    """Everything the report shows. A variant is "float32", "float32_pruned", "int8_ptq" or "int8_qat"."""

    title: str
    summary: str  # a sentence or two: which model, trained on what, compressed how
    synthetic: bool  # whether the data are the built-in phantoms
    metrics: Mapping[str, Any]  # the content of metrics.json
    history: Mapping[str, Sequence[Mapping[str, float]]]  # stage -> what training.fit returned for it
    confusion: Mapping[str, npt.NDArray[np.int64]]  # variant -> (classes, classes), actual by predicted
    examples: Sequence[Example]
    findings: Sequence[str]  # of the data check, one sentence each
    run: Mapping[str, Any]  # the content of run.json: options, seed, versions, fingerprint


def write_report(path: Path, report: RunReport) -> None:
    """Write `report` to `path` as one self-contained HTML file; the same report gives the same bytes."""
    raise NotImplementedError
