# SPDX-License-Identifier: Apache-2.0
"""Classify image files with a .tflite model."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgecnn import DISCLAIMER
from edgecnn.compiler.ir import Window
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.data.depth import choose_window, measure_range
from edgecnn.data.images import image_size, load_image
from edgecnn.data.numbers import Float, is_numbers, samples_in
from edgecnn.data.window import AUTO, NEEDED
from edgecnn.errors import DataError, ModelError
from edgecnn.pipeline.model_file import class_labels, decide, find_model, numbers_shape, shape_of_image
from edgecnn.runtime.tflite import TfliteModel

_TIE = 0.05  # between two probabilities
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Prediction:
    """What a model says of one image.

    Attributes:
        image: The file.
        label: The most probable class, or of two the one that the model's threshold makes it.
        probability: That class's, 0 to 1, as the model says it.
        probabilities: Of every class, in the order of the labels.
    """

    image: Path
    label: str
    probability: float
    probabilities: tuple[float, ...]

    def runner_up(self, labels: Sequence[str]) -> tuple[str, float] | None:
        """Return the next class and its probability where the answer is all but a tie between the two."""
        answers = list(zip(self.probabilities, labels, strict=True))
        answers.pop(labels.index(self.label))
        probability, label = max(answers)
        return (label, probability) if abs(self.probability - probability) < _TIE else None


@dataclass(frozen=True)
class Answer:
    """What a model says of several images, with the model's file and the names of its classes.

    `unreadable` says why, for the images that can't be decoded.
    """

    model: Path
    runtime: str
    labels: tuple[str, ...]
    predictions: tuple[Prediction, ...]
    unreadable: dict[Path, str]

    def as_json(self) -> dict[str, Any]:
        """Return what JSON can hold, with the note that belongs to it."""
        predictions = [
            {**vars(prediction), "image": str(prediction.image)} for prediction in self.predictions
        ]
        return {
            "model": str(self.model),
            "runtime": self.runtime,
            "note": DISCLAIMER,
            "labels": self.labels,
            "predictions": predictions,
            "unreadable": unreadable_as_json(self.unreadable),
        }


class Classifier:
    """A .tflite classifier of images, loaded once for as many images as wished.

    An int8 model runs on TFLite's reference kernels: what they say is what generated C says on a device.
    """

    def __init__(self, model: Path, window: Window | None = None) -> None:
        """Load a model.

        Args:
            model: A .tflite classifier, or a run folder: then its int8 model, else its float32 one. Its
                classes are named by labels.txt beside it, else by its metadata, else "class 0" and so on.
            window: Of images of more than 8 bits; None: the one that it was trained with.

        Raises:
            ModelError: the model can't be run, is no classifier of images, or has not one label per class.
            RunError: the folder holds no model.
        """
        self.file = find_model(model)
        self._graph = read_model(self.file)
        self._window = window or self._graph.window
        real = self._graph.tensors[self._graph.inputs[0]].dtype == "float32"
        self._runner = TfliteModel(self.file, kernels="default" if real else "reference")
        shape, outputs = self._runner.input.shape, self._runner.output.shape
        if len(shape) < 2 or shape[0] != 1 or len(outputs) != 2:
            raise ModelError(
                f"{self.file} maps {list(shape)} to {list(outputs)}; a classifier of images maps "
                "[1, height, width, 1 or 3], one of numbers [1, ...], to [1, classes]"
            )
        classes = max(2, outputs[1])
        self.labels = class_labels(self.file, classes) or tuple(f"class {index}" for index in range(classes))

    def predict(self, image: Path, content: bytes | None = None) -> Prediction:
        """Classify an image, decoded and resized as in training.

        Args:
            image: An image file of any size, grey or in color.
            content: The file's bytes, where it is not on this machine's disk and `image` is only its name.

        Raises:
            DataError: the image can't be decoded.
        """
        shape = shape_of_image(self._graph, self.file)
        values = load_image(image, *shape, content, self._window, self._graph.fitting)
        return self._prediction(image, values)

    def predict_file(self, path: Path) -> list[Prediction]:
        """Classify an image, or the samples of numbers in a .npy or .csv file.

        Raises:
            DataError: it can't be read, or holds samples of another shape.
            ModelError: the model takes images and not numbers, or numbers and not images.
        """
        if not is_numbers(path):
            return [self.predict(path)]
        samples = samples_in(path, numbers_shape(self._graph, self.file))
        return [self._prediction(Path(name), numbers) for name, numbers in samples]

    def _prediction(self, name: Path, values: NDArray[np.uint8] | Float) -> Prediction:
        answers = self._runner.classify(values[None])
        [best], [answer] = decide(self._graph, answers), answers
        return Prediction(name, self.labels[best], float(answer[best]), tuple(map(float, answer)))

    def answer(self, predictions: Sequence[Prediction], unreadable: dict[Path, str] | None = None) -> Answer:
        """Return `predictions` of this model with what they have in common."""
        return Answer(self.file, self._runner.runtime, self.labels, tuple(predictions), unreadable or {})


def predict(model: Path, images: Sequence[Path], window: str = NEEDED) -> Answer:
    """Classify those of `images` that can be decoded.

    Args:
        model: as for `Classifier`, whose errors are those of this.
        images: image files, or .npy and .csv files of numbers.
        window: of images of more than 8 bits: "needed", the model's own; "auto", that of these images
            together; or "LOW:HIGH".
    """
    pictures = [image for image in images if not is_numbers(image)]
    if len(pictures) < len(images) and window != NEEDED:
        raise DataError("--window is of pictures; a model of numbers has ranges of its own: leave it out")
    classifier = Classifier(model, window_for(pictures, window))
    answers, unreadable = answer_each(images, classifier.predict_file)
    return classifier.answer([prediction for each in answers for prediction in each], unreadable)


def window_for(images: Sequence[Path], choice: str) -> Window | None:
    """Return the window that `predict` is asked for; None for the model's own."""
    readable, _ = (
        answer_each(images, lambda image: (image_size(image), image)[1]) if choice == AUTO else ([], {})
    )
    return choose_window(choice, measure_range(readable))


def answer_each(
    images: Iterable[Path], answer: Callable[[Path], _Answer]
) -> tuple[list[_Answer], dict[Path, str]]:
    """Return what `answer` says of each image that it can decode, and for the others why it can't."""
    answers, unreadable = [], {}
    for image in images:
        try:
            answers.append(answer(image))
        except DataError as error:
            unreadable[image] = str(error)
    return answers, unreadable


def unreadable_as_json(unreadable: dict[Path, str]) -> list[dict[str, str]]:
    """Return what JSON can hold of files that can't be decoded, in the words of `edgecnn data check`."""
    return [{"file": str(path), "reason": reason} for path, reason in unreadable.items()]
