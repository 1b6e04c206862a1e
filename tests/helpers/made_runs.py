# SPDX-License-Identifier: Apache-2.0
"""Run folders that nothing was trained for: what a finished run leaves for those who read its figures."""

import json
from pathlib import Path
from typing import Any

HISTORY = "stage,epoch,loss,accuracy,val_loss,val_accuracy\ntrain,1,0.7,0.5,0.8,0.4\nqat,1,0.5,0.6,0.6,0.5\n"


def scores(accuracy: float, loss: float = 0.0, **further: Any) -> dict[str, Any]:
    return {
        "accuracy": accuracy,
        "balanced_accuracy": accuracy - 0.1,
        "accuracy_loss": loss,
        "accuracy_loss_ci95": [loss - 1, loss + 1],
        "agreement": 1.0,
        "bytes": 237586,
        "gzip_bytes": 220118,
        "sparsity": 0.0,
        "runtime": "tflite-runtime 2.14.0, delegate none",
        "threads": 1,
        "latency_us": {"median": 348.1, "p95": 400.0, "runs": 200},
        **further,
    }


def make_run(folder: Path, fingerprint: str = "a", synthetic: bool = False, **changes: Any) -> Path:
    folder.mkdir(parents=True)
    data = {"source": "x", "fingerprint": fingerprint, "synthetic": synthetic}
    metrics = {
        "schema": 1,
        "reference": "float32",
        "chosen": "int8_qat",
        "classes": ["a", "b", "c"],
        "test_images": 400,
        "data": data,
        "variants": {"float32": scores(0.9), "int8_qat": scores(0.88, 2.0, arena_bytes=4460)},
        **changes,
    }
    record = {"model": "cainvas", "input_shape": [64, 64, 1], "train": {}, "data": data}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "history.csv").write_text(HISTORY)
    return folder
