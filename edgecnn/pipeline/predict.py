# SPDX-License-Identifier: Apache-2.0
"""Classify image files with a .tflite model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn.data.images import load_image
from edgecnn.errors import ModelError, RunError
from edgecnn.pipeline.model_file import class_labels
from edgecnn.runtime.tflite import TfliteModel


@dataclass(frozen=True)
class Prediction:
    """What a model says of one image.

    Attributes:
        image: The file.
        label: The most probable class.
        probability: That class's, 0 to 1, as the model says it.
        probabilities: Of every class, in the order of the labels.
    """

    image: Path
    label: str
    probability: float
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Answer:
    """What a model says of several images, with the model's file and the names of its classes."""

    model: Path
    runtime: str
    labels: tuple[str, ...]
    predictions: tuple[Prediction, ...]


def predict(model: Path, images: Sequence[Path]) -> Answer:
    """Classify `images`, each decoded and resized as in training.

    Args:
        model: A .tflite classifier, or a run folder: then its int8 model, else its float32 one. Its classes
            are named by labels.txt beside it, else by its metadata, else "class 0" and so on.
        images: Image files of any size, grey or in color.

    Raises:
        ModelError: the model can't be run, is no classifier of images, or has not one label per class.
        RunError: the folder holds no model.
        DataError: an image can't be decoded.
    """
    file = _model_file(model)
    runner = TfliteModel(file)
    shape, outputs = runner.input.shape, runner.output.shape
    if len(shape) != 4 or shape[3] not in (1, 3) or len(outputs) != 2:
        raise ModelError(
            f"{file} maps {list(shape)} to {list(outputs)}; a classifier of images maps "
            "[1, height, width, 1 or 3] to [1, classes]"
        )
    classes = max(2, outputs[1])
    labels = class_labels(file, classes) or tuple(f"class {index}" for index in range(classes))
    predictions = []
    for image in images:
        answer = runner.classify(load_image(image, *shape[1:])[None])[0]
        best = int(answer.argmax())
        probabilities = tuple(float(value) for value in answer)
        predictions.append(Prediction(image, labels[best], probabilities[best], probabilities))
    return Answer(file, runner.runtime, labels, tuple(predictions))


def _model_file(model: Path) -> Path:
    if not model.is_dir():
        return model
    for name in ("model_int8.tflite", "model_float32.tflite"):
        if (model / name).exists():
            return model / name
    raise RunError(
        f"{model} holds no model_int8.tflite and no model_float32.tflite; train one with 'edgecnn train'"
    )
