# SPDX-License-Identifier: Apache-2.0
"""Measure models on test images."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.compiler.inspect import inspect
from edgecnn.compiler.reading.metadata import ranges_text
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
from edgecnn.evaluation.results import (
    ClassFigures,
    Costs,
    Data,
    LatencySummary,
    MaskFigures,
    Metrics,
    Variant,
)
from edgecnn.pipeline.model_file import class_labels, decide
from edgecnn.progress import Progress
from edgecnn.runtime.isolation import call_isolated
from edgecnn.runtime.model import Model
from edgecnn.runtime.shared_library import SharedLibrary
from edgecnn.runtime.tflite import TfliteModel, in_other_runtimes

Probabilities = npt.NDArray[np.float32]  # (images, classes), or (images, height, width, 1)
Samples = npt.NDArray[Any]  # images, or numbers
Predictions = npt.NDArray[Any]  # classes (images,), or masks (images, height, width, 1) of bools
_TRIALS = 5  # inferences by which the fastest runtime is found


@dataclass(frozen=True)
class Timing:
    """How often one inference is timed, and on how many threads."""

    warmup: int = 20
    runs: int = 200
    threads: int = 1


@dataclass(frozen=True)
class Evaluation:
    """Figures, and the answers they were computed from, by the name of the variant."""

    metrics: Metrics
    probabilities: dict[str, Probabilities]
    predictions: dict[str, Predictions]


@dataclass(frozen=True)
class _Answers:
    """What one model says of the test images, its classes in the data's order."""

    probabilities: Probabilities
    predicted: Predictions
    threshold: float


def evaluate_models(
    models: Mapping[str, Path],
    reference: str,
    test: Arrays,
    classes: Sequence[str],
    data: Data,
    timing: Timing,
    progress: Progress,
    libraries: Mapping[str, Path] = MappingProxyType({}),
) -> Evaluation:
    """Run models on the test images.

    Args:
        models: .tflite files with one image input and one output with a value per class, or a sigmoid, or one
            a pixel where the data have masks; by the name of the variant, in the order to show them in.
        reference: the one of them that the others are compared with.
        test: images of the models' input size.
        classes: the names of the classes.
        data: what to say of the data in the metrics.
        timing: how to measure latency.
        progress: told after each model.
        libraries: of the variants that run as C, the shared library.

    Raises:
        ModelError: a file is damaged, or its output doesn't fit the classes.
    """
    answers: dict[str, _Answers] = {}
    costs: dict[str, Costs] = {}
    for done, (name, path) in enumerate(models.items()):
        progress("measuring", done, len(models), name)
        runs, threads = libraries.get(name, path), 1 if name in libraries else timing.threads
        runtime, probabilities, latency = _run(runs, test.images, test.masks is not None, timing)
        answers[name] = _answers(path, probabilities, test, classes)
        costs[name] = _costs(path, runs, latency, runtime, threads)
    progress("measuring", len(models), len(models))
    others = {name: None if name == reference else answers[reference].predicted for name in models}
    variants = [
        Variant(name, _scores(test, said, others[name], len(classes)), costs[name])
        for name, said in answers.items()
    ]
    background = None if test.masks is None else float(1 - test.masks.mean())
    return Evaluation(
        Metrics(tuple(classes), len(test.labels), data, tuple(variants), reference, background),
        {name: said.probabilities for name, said in answers.items()},
        {name: said.predicted for name, said in answers.items()},
    )


def _costs(path: Path, runs: Path, latency: Latency, runtime: str, threads: int) -> Costs:
    return Costs(
        bytes=runs.stat().st_size,
        gzip_bytes=len(gzip.compress(runs.read_bytes(), 9, mtime=0)),
        sparsity=inspect(path)["sparsity"],
        latency_us=LatencySummary(latency.median, latency.p95, latency.runs),
        runtime=runtime,
        threads=threads,
    )


def _answers(path: Path, answers: Probabilities, test: Arrays, classes: Sequence[str]) -> _Answers:
    graph = read_model(path)
    if test.masks is None:
        columns = class_columns(path, answers.shape[1], classes)
        predicted = np.argsort(columns)[decide(graph, answers)]
        threshold = graph.threshold if columns == [0, 1] else 1 - graph.threshold  # where there are two
        return _Answers(answers[:, columns], predicted, threshold)
    if answers.shape != test.masks.shape:
        raise ModelError(
            f"{path} answers with {list(answers.shape[1:])}, but the data have masks of "
            f"{list(test.masks.shape[1:])}"
        )
    return _Answers(answers, answers >= graph.threshold, graph.threshold)


def _scores(
    test: Arrays, said: _Answers, reference: Predictions | None, classes: int
) -> ClassFigures | MaskFigures:
    groups = np.array(test.groups)
    if test.masks is not None:
        overlap = evaluate_masks(test.masks == 1, said.predicted, reference, groups)
        return MaskFigures(**vars(overlap), threshold=said.threshold)
    binary = None
    if classes == 2:  # the second is the positive one
        binary = score_binary(test.labels, said.probabilities[:, 1], said.threshold, groups)
    calibration = calibrate(test.labels, said.probabilities)
    scores = evaluate(test.labels, said.predicted, reference, groups)
    return ClassFigures(**vars(scores), calibration=calibration, binary=binary)


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


def _run(path: Path, images: Samples, masks: bool, timing: Timing) -> tuple[str, Probabilities, Latency]:
    """Run a .tflite, which has a process of its own, or a library, which gets one."""
    if path.suffix == ".so":
        return call_isolated(_run_library, path, images, masks, timing)
    model = TfliteModel(path, threads=timing.threads)
    answers = model.predict(images) if masks else model.classify(images)
    return _timed(_fastest(path, model, images[:1], timing.threads), answers, images, timing)


def _run_library(
    path: Path, images: Samples, masks: bool, timing: Timing
) -> tuple[str, Probabilities, Latency]:
    model = SharedLibrary(path)
    answers = model.predict(images) if masks else model.classify(images)
    return _timed(model, answers, images, timing)


def _fastest(path: Path, model: TfliteModel, image: Samples, threads: int) -> TfliteModel:
    """Return a model in the runtime that takes the least time for it: only some hand int8 to XNNPACK."""
    values = model.values(image)
    candidates = [model, *in_other_runtimes(path, model.runtime, threads)]
    if len(candidates) == 1:
        return model
    return min(candidates, key=lambda candidate: min(candidate.time(values, _TRIALS)))


def _timed(
    model: Model, answers: Probabilities, images: Samples, timing: Timing
) -> tuple[str, Probabilities, Latency]:
    values = model.values(images[:1])
    latency = measure_latency(lambda count: model.time(values, count), warmup=timing.warmup, runs=timing.runs)
    return f"{model.runtime}, delegate {model.delegate}", answers, latency


def describe_data(source: str, dataset: Dataset) -> Data:
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
        "ranges": None if dataset.ranges is None else ranges_text(dataset.ranges),
    }
