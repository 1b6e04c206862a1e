# SPDX-License-Identifier: Apache-2.0
"""Measure models on test images: the content of metrics.json."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.compiler.inspect import inspect
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.data.arrays import Arrays
from edgecnn.data.dataset import Dataset
from edgecnn.data.phantoms import is_phantom
from edgecnn.errors import ModelError
from edgecnn.escape import for_terminal
from edgecnn.evaluation.accuracy import evaluate
from edgecnn.evaluation.binary import score_binary
from edgecnn.evaluation.calibration import calibrate
from edgecnn.evaluation.measurement import Latency, measure_latency
from edgecnn.evaluation.overlap import evaluate_masks
from edgecnn.pipeline.model_file import class_labels, decide
from edgecnn.progress import Progress
from edgecnn.runtime.isolation import call_isolated
from edgecnn.runtime.model import Model, byte_table
from edgecnn.runtime.shared_library import SharedLibrary
from edgecnn.runtime.tflite import TfliteModel

Probabilities = npt.NDArray[np.float32]  # (images, classes), or (images, height, width, 1)


@dataclass(frozen=True)
class Timing:
    """How often one inference is timed, and on how many threads."""

    warmup: int = 20
    runs: int = 200
    threads: int = 1


@dataclass(frozen=True)
class Evaluation:
    """The content of metrics.json, and the answers it was computed from, by variant."""

    metrics: dict[str, Any]
    probabilities: dict[str, Probabilities]
    predictions: dict[
        str, npt.NDArray[Any]
    ]  # classes (images,), or masks (images, height, width, 1) of bools


def evaluate_models(
    models: Mapping[str, Path],
    test: Arrays,
    classes: Sequence[str],
    data: Mapping[str, Any],
    timing: Timing,
    progress: Progress,
    libraries: Mapping[str, Path] = MappingProxyType({}),
) -> Evaluation:
    """Run `models`, by variant, on the test images; each is compared with the first.

    Args:
        models: .tflite files with one image input and one output with a value per class, or a sigmoid, or one
            a pixel where the data have masks.
        test: images of the models' input size.
        classes: the names of the classes.
        data: what to say of the data in the metrics.
        timing: how to measure latency.
        progress: told after each model.
        libraries: of the variants that run as C, the shared library.

    Raises:
        ModelError: a file is damaged, or its output doesn't fit the classes.
    """
    probabilities: dict[str, Probabilities] = {}
    predictions: dict[str, npt.NDArray[Any]] = {}
    variants: dict[str, dict[str, Any]] = {}
    for done, (name, path) in enumerate(models.items()):
        progress("measuring", done, len(models), name)
        contents = inspect(path)
        runs, graph = libraries.get(name, path), read_model(path)
        runtime, answers, latency = _run(runs, test.images, test.masks is not None, timing)
        reference = next(iter(predictions.values()), None)
        score = _score_masks if test.masks is not None else _score_classes
        scores, probabilities[name], predictions[name] = score(path, graph, test, answers, classes, reference)
        variants[name] = {
            **scores,
            "bytes": runs.stat().st_size,
            "gzip_bytes": len(gzip.compress(runs.read_bytes(), 9, mtime=0)),
            "sparsity": contents["sparsity"],
            "latency_us": {"median": latency.median, "p95": latency.p95, "runs": latency.runs},
            "runtime": runtime,
            "threads": 1 if name in libraries else timing.threads,
        }
    progress("measuring", len(models), len(models))
    metrics: dict[str, Any] = {
        "classes": list(classes),
        "test_images": len(test.labels),
        "data": dict(data),
        "variants": variants,
    }
    if test.masks is not None:
        metrics["background"] = float(1 - test.masks.mean())
    return Evaluation(metrics, probabilities, predictions)


_Scored = tuple[dict[str, Any], Probabilities, npt.NDArray[Any]]


def _score_classes(
    path: Path,
    graph: Graph,
    test: Arrays,
    answers: Probabilities,
    classes: Sequence[str],
    reference: npt.NDArray[np.int64] | None,
) -> _Scored:
    """Return figures, probabilities and predictions, the latter two in the data's order of classes."""
    columns = class_columns(path, answers.shape[1], classes)
    predicted, answers = np.argsort(columns)[decide(graph, answers)], answers[:, columns]
    groups = np.array(test.groups)
    scores = asdict(evaluate(test.labels, predicted, reference, groups))
    scores["calibration"] = asdict(calibrate(test.labels, answers))
    if len(classes) == 2:  # the second is the positive one
        threshold = graph.threshold if columns == [0, 1] else 1 - graph.threshold
        scores["binary"] = asdict(score_binary(test.labels, answers[:, 1], threshold, groups))
    return scores, answers, predicted


def _score_masks(
    path: Path,
    graph: Graph,
    test: Arrays,
    answers: Probabilities,
    classes: Sequence[str],
    reference: npt.NDArray[np.bool_] | None,
) -> _Scored:
    """Return figures, probabilities and masks."""
    assert test.masks is not None
    if answers.shape != test.masks.shape:
        raise ModelError(
            f"{path} answers with {list(answers.shape[1:])}, but the data have masks of "
            f"{list(test.masks.shape[1:])}"
        )
    predicted = answers >= graph.threshold
    scores = evaluate_masks(test.masks == 1, predicted, reference, np.array(test.groups))
    return {**asdict(scores), "threshold": graph.threshold}, answers, predicted


def class_columns(path: Path, outputs: int, classes: Sequence[str]) -> list[int]:
    """Return which output of a model stands for each class: by name where it has names, else by order.

    Raises:
        ModelError: the model tells other classes apart.
    """
    if outputs != len(classes):
        raise ModelError(f"{path} tells {outputs} classes apart, but the data have {len(classes)}")
    labels = class_labels(path, outputs) or tuple(classes)
    if set(labels) != set(classes):
        raise ModelError(
            f"{path} knows the classes {', '.join(labels)}, but the data have {', '.join(classes)}; "
            "name the folders as the model does"
        )
    return [labels.index(name) for name in classes]


def _run(
    path: Path, images: npt.NDArray[np.uint8], masks: bool, timing: Timing
) -> tuple[str, Probabilities, Latency]:
    """Run a .tflite, which has a process of its own, or a library, which gets one."""
    if path.suffix == ".so":
        return call_isolated(_run_library, path, images, masks, timing)
    return _answer(TfliteModel(path, threads=timing.threads), images, masks, timing)


def _run_library(
    path: Path, images: npt.NDArray[np.uint8], masks: bool, timing: Timing
) -> tuple[str, Probabilities, Latency]:
    return _answer(SharedLibrary(path), images, masks, timing)


def _answer(
    model: Model, images: npt.NDArray[np.uint8], masks: bool, timing: Timing
) -> tuple[str, Probabilities, Latency]:
    values = byte_table(model.input)[images[:1]]
    answers = model.predict(images) if masks else model.classify(images)
    latency = measure_latency(lambda count: model.time(values, count), warmup=timing.warmup, runs=timing.runs)
    return f"{model.runtime}, delegate {model.delegate}", answers, latency


def describe_data(source: str, dataset: Dataset) -> dict[str, Any]:
    """Return what run.json and metrics.json say of the data."""
    counts = {}
    for split in ("train", "validation", "test"):
        labels = [sample.label for sample in dataset.part(split)]
        counts[split] = {name: labels.count(label) for label, name in enumerate(dataset.classes)}
    return {
        "source": source,
        "synthetic": is_phantom(dataset.samples[0].path),
        "fingerprint": dataset.fingerprint,
        "images": counts,
        "skipped": [for_terminal(name) for name, _ in dataset.skipped],  # a name may not be UTF-8
        "window": dataset.window and str(dataset.window),
    }
