# SPDX-License-Identifier: Apache-2.0
"""What a model says of images that came over the network, as JSON holds it.

It lives in a process of its own, which the server ends when it takes too long.
"""

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from edgecnn import DISCLAIMER
from edgecnn.data.images import require_pixels
from edgecnn.pipeline.model_file import image_shape
from edgecnn.pipeline.predict import Classifier
from edgecnn.pipeline.predict_masks import MaskPredictor, answers_with_masks, share

Image = tuple[Path, bytes]  # a file's name and content


class Answers:
    """A model, loaded, that answers with classes or with masks."""

    def __init__(self, model: Path, most_pixels: int) -> None:
        """Load a .tflite file; `most_pixels` is what an image may have.

        Raises:
            ModelError: the model can't be run, takes no image, or answers with neither classes nor masks.
        """
        self._most_pixels = most_pixels
        self._model = MaskPredictor(model) if answers_with_masks(model) else Classifier(model)
        image_shape(self._model.file)

    def labels(self) -> tuple[str, ...]:
        """Return the names of the classes; none of a model that answers with masks."""
        return self._model.labels if isinstance(self._model, Classifier) else ()

    def answer(self, images: Sequence[Image]) -> dict[str, Any]:
        """Return what `edgecnn predict --json` says of images; masks are PNG files in base64.

        Raises:
            TooManyPixelsError: an image is larger than allowed; it is not decoded.
            DataError: an image can't be decoded.
        """
        for image in images:
            require_pixels(*image, self._most_pixels)
        if isinstance(self._model, Classifier):
            return self._model.answer([self._model.predict(*image) for image in images]).as_json()
        masks = [(path, self._model.mark(path, content)) for path, content in images]
        rows = [{"image": str(path), "share": share(mask), "mask": _png(mask)} for path, mask in masks]
        return {"model": str(self._model.file), "note": DISCLAIMER, "masks": rows}


def _png(mask: NDArray[np.uint8]) -> str:
    file = BytesIO()
    PIL.Image.fromarray(mask).save(file, "png")
    return b64encode(file.getvalue()).decode()
