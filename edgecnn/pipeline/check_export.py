# SPDX-License-Identifier: Apache-2.0
"""How well a model answers before and after quantization: what tells of a network that wants other values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgecnn.compiler.reading.tflite import parse
from edgecnn.data.arrays import Arrays, load_samples
from edgecnn.data.dataset import Dataset
from edgecnn.evaluation.accuracy import Estimate, balanced_mean
from edgecnn.evaluation.overlap import dice_by_image, evaluate_masks
from edgecnn.pipeline.model_file import decide
from edgecnn.progress import Progress
from edgecnn.runtime.tflite import TfliteModel

MOST_IMAGES = 1000  # more tell little more of what goes wrong here
MOST_LOST = 0.05  # between float and int8


@dataclass(frozen=True)
class Check:
    """What models answer on labelled images.

    Attributes:
        figure: "balanced accuracy", the mean over classes of the share that is told right, or "Dice".
        images: how many were looked at; quantization has seen none of them.
        data: where they are from.
        scores: the figure of each model, 0 to 1, by "float32" and "int8".
        chance: the figure of one that doesn't look: each class as often, or a mask that is all white.
        warnings: a sentence for each thing that is wrong with the scores.
    """

    figure: str
    images: int
    data: str
    scores: Mapping[str, float]
    chance: float
    warnings: Sequence[str]

    def __str__(self) -> str:
        """Return the scores in a line."""
        scores = ", ".join(f"{name} {100 * score:.1f}%" for name, score in self.scores.items())
        return f"{self.figure} on {self.images} images ({self.data}): {scores}"


def check_export(
    models: Mapping[str, bytes],
    labels: Sequence[str],
    dataset: Dataset,
    shape: Sequence[int],
    data: str,
    progress: Progress,
) -> Check | None:
    """Run .tflite files on the test images of a data set; None where they answer something else.

    Args:
        models: the bytes of .tflite files by "float32" and "int8".
        labels: the classes in the models' order; none: in the data's.
        dataset: the images; with masks for models that answer so.
        shape: the models' input: height, width, channels.
        data: what the images are called.
        progress: told how far it is.

    Raises:
        ModelError: a model can't be run.
    """
    if not all(_answers_as(tflite, labels or dataset.classes, dataset, shape) for tflite in models.values()):
        return None
    samples = dataset.part("test")
    order = np.random.default_rng(0).permutation(len(samples))[:MOST_IMAGES]
    images = load_samples(dataset, [samples[index] for index in order], shape, progress)
    scores: dict[str, Estimate] = {}
    for done, (name, tflite) in enumerate(models.items()):
        progress("measuring", done, len(models))
        scores[name] = _dice(tflite, images) if dataset.masks else _accuracy(tflite, images, labels, dataset)
    progress("measuring", len(models), len(models))
    return Check(
        "Dice" if dataset.masks else "balanced accuracy",
        len(order),
        data,
        {name: score.value for name, score in scores.items()},
        chance := _chance(images, dataset),
        _warnings(scores, chance),
    )


def answers_like(shape: Sequence[int], dataset: Dataset, image: Sequence[int]) -> bool:
    """Say whether a model's output shape, its first side being the batch, is that of the data's labels."""
    if dataset.masks:
        return tuple(shape[1:]) == (*image[:2], 1)
    # A single answer, a sigmoid, is that of two classes.
    return len(shape) == 2 and max(2, shape[1]) == len(dataset.classes)


def _answers_as(tflite: bytes, labels: Sequence[str], dataset: Dataset, image: Sequence[int]) -> bool:
    graph = parse(tflite)
    if len(graph.outputs) != 1:
        return False
    shape = graph.tensors[graph.outputs[0]].shape
    return answers_like(shape, dataset, image) and (dataset.masks or set(labels) == set(dataset.classes))


def _accuracy(tflite: bytes, images: Arrays, labels: Sequence[str], dataset: Dataset) -> Estimate:
    decided = decide(parse(tflite), TfliteModel(tflite).classify(images.images))
    places = np.array([dataset.classes.index(label) for label in labels or dataset.classes])
    right = (places[decided] == images.labels).astype(np.float64)
    return balanced_mean(right, images.labels, np.array(images.groups), np.zeros(len(right), np.int64))


def _dice(tflite: bytes, images: Arrays) -> Estimate:
    assert images.masks is not None
    predicted = TfliteModel(tflite).predict(images.images) >= parse(tflite).threshold
    return evaluate_masks(images.masks == 1, predicted, None, np.array(images.groups)).dice_per_image


def _chance(images: Arrays, dataset: Dataset) -> float:
    if images.masks is None:
        return 1 / len(dataset.classes)
    masks = images.masks == 1
    return float(dice_by_image(masks, np.ones_like(masks)).mean())


def _warnings(scores: Mapping[str, Estimate], chance: float) -> list[str]:
    """Return a sentence for what a person would not see in the files: answers by chance, and lost ones."""
    blind = [name for name, score in scores.items() if score.ci95[0] <= chance]
    warnings = []
    if blind:
        warnings.append(
            f"{' and '.join(blind)}: no better than chance ({100 * chance:.0f}%) on these images; it is "
            "given 0 to 1: was it made for 0 to 255, for -1 to 1, or for other classes?"
        )
    if len(scores) > 1:
        lost = scores["float32"].value - scores["int8"].value
        if abs(lost) > MOST_LOST:
            warnings.append(
                f"int8 and float32 are {100 * abs(lost):.1f} points apart on these images; what 'edgecnn "
                "compress' makes is trained with int8 imitated"
            )
    return warnings
