# SPDX-License-Identifier: Apache-2.0
"""Mark what a .tflite model of masks sees in image files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from edgecnn.compiler.flatbuffer import read_model
from edgecnn.data.images import load_image
from edgecnn.errors import DataError
from edgecnn.files import replacing
from edgecnn.pipeline.model_file import find_model, image_shape
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


def segment(model: Path, images: Sequence[Path], folder: Path | None) -> list[Marked]:
    """Mark `images`, each decoded and resized as in training.

    Args:
        model: A .tflite file that answers with masks, or a run folder of one.
        images: Image files of any size, grey or in color.
        folder: Where to write the masks, named as the images but with .png; None writes none.

    Raises:
        ModelError: the model can't be run.
        DataError: an image can't be decoded, or two would write the same mask.
    """
    file = find_model(model)
    graph, (height, width, channels) = read_model(file), image_shape(file)
    real = graph.tensors[graph.inputs[0]].dtype == "float32"
    runner = TfliteModel(file, kernels="default" if real else "reference")
    names = [f"{image.stem}.png" for image in images]
    if folder and len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"several images would write {folder / twice}; mark them one at a time")
    marked = []
    for image, name in zip(images, names, strict=True):
        pixels = load_image(image, height, width, channels)
        answer = runner.predict(pixels[None])[0] >= graph.threshold
        if folder:
            with replacing(folder / name) as temporary:
                Image.fromarray(np.where(answer[..., 0], np.uint8(255), np.uint8(0))).save(temporary, "png")
        marked.append(Marked(image, float(answer.mean()), folder / name if folder else None))
    return marked
