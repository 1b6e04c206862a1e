# SPDX-License-Identifier: Apache-2.0
"""Mark what a .tflite model of masks sees in image files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgecnn.compiler.ir import Window
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.data.images import load_image
from edgecnn.data.window import NEEDED
from edgecnn.errors import DataError
from edgecnn.files import replacing
from edgecnn.pipeline.model_file import find_model, image_shape
from edgecnn.pipeline.predict import answer_each, window_for
from edgecnn.runtime.tflite import TfliteModel


@dataclass(frozen=True)
class Marked:
    """What a model marks in one image.

    Attributes:
        image: The file.
        share: Of its pixels that are marked, 0 to 1.
        mask: The file that was written, black and white, of the model's size; None where none was asked for.
    """

    image: Path
    share: float
    mask: Path | None


def answers_with_masks(model: Path) -> bool:
    """Say whether a .tflite file, or that of a run, maps an image to a number a pixel.

    Raises:
        ModelError: the file is no model.
        RunError: the folder holds none.
    """
    graph = read_model(find_model(model))
    shape = graph.tensors[graph.outputs[0]].shape
    return len(shape) == 4 and shape[1:] == (*graph.tensors[graph.inputs[0]].shape[1:3], 1)


class MaskPredictor:
    """A .tflite model that answers with masks, loaded once for as many images as wished.

    An int8 model runs on TFLite's reference kernels: what they say is what generated C says on a device.
    """

    def __init__(self, model: Path, window: Window | None = None) -> None:
        """Load a .tflite file that answers with masks, or that of a run; `window` is as for `Classifier`.

        Raises:
            ModelError: the model can't be run.
            RunError: the folder holds no model.
        """
        self.file = find_model(model)
        graph, self._shape = read_model(self.file), image_shape(self.file)
        self._fitting = graph.fitting
        real = graph.tensors[graph.inputs[0]].dtype == "float32"
        self._threshold, self._window = graph.threshold, window or graph.window
        self._runner = TfliteModel(self.file, kernels="default" if real else "reference")

    def mark(self, image: Path, content: bytes | None = None) -> NDArray[np.uint8]:
        """Return the mask of an image, decoded and resized as in training: (h, w), 255 where it is marked.

        Args:
            image: An image file of any size, grey or in color.
            content: The file's bytes, where it is not on this machine's disk and `image` is only its name.

        Raises:
            DataError: the image can't be decoded.
        """
        values = load_image(image, *self._shape, content, self._window, self._fitting)
        answer = self._runner.predict(values[None])[0, ..., 0]
        return np.where(answer >= self._threshold, np.uint8(255), np.uint8(0))


def share(mask: NDArray[np.uint8]) -> float:
    """Return how much of a mask is marked, 0 to 1."""
    return float((mask > 0).mean())


def predict_masks(
    model: Path, images: Sequence[Path], folder: Path | None, window: str = NEEDED
) -> tuple[list[Marked], dict[Path, str]]:
    """Mark `images`, each decoded and resized as in training.

    Args:
        model: A .tflite file that answers with masks, or a run folder of one.
        images: Image files of any size, grey or in color.
        folder: Where to write the masks, named as the images but with .png; None writes none.
        window: As for `predict`.

    Returns:
        What is marked in each image that can be decoded, and for the others why they can't.

    Raises:
        ModelError: the model can't be run.
        DataError: two images would write the same mask.
    """
    predictor = MaskPredictor(model, window_for(images, window))
    names = [f"{image.stem}.png" for image in images]
    if folder and len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"several images would write {folder / twice}; mark them one at a time")

    def mark(image: Path) -> Marked:
        mask = predictor.mark(image)
        if folder is None:
            return Marked(image, share(mask), None)
        file = folder / f"{image.stem}.png"
        with replacing(file) as temporary:
            Image.fromarray(mask).save(temporary, "png")
        return Marked(image, share(mask), file)

    return answer_each(images, mark)
