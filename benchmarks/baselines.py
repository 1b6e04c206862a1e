# SPDX-License-Identifier: Apache-2.0
"""Classical classifiers for `real_images.py`: what a network has to be better than."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.svm import SVC

from edgecnn.data.arrays import Arrays
from edgecnn.evaluation.overlap import dice_by_image

SIDE = 24  # pixels of a picture that the support vector machine sees
PIXELS = 200_000  # that the colour classifier learns from


@dataclass(frozen=True)
class Answers:
    """What a classifier says of test images.

    Attributes:
        predicted: Classes (n,), or masks (n, h, w, 1).
        scores: Higher means the second of two classes, (n,); None for more classes and for masks.
    """

    predicted: npt.NDArray[np.int64] | npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64] | None = None


def support_vectors(train: Arrays, test: Arrays) -> Answers:
    """Classify by a support vector machine with a Gaussian kernel on the pixels; classes weigh the same."""
    machine = SVC(C=10, gamma="scale", class_weight="balanced")
    machine.fit(_flat(train), train.labels)
    scores = machine.decision_function(_flat(test)) if len(np.unique(train.labels)) == 2 else None
    return Answers(machine.predict(_flat(test)), scores)


def _flat(arrays: Arrays) -> npt.NDArray[np.float64]:
    return arrays.images.reshape(len(arrays.images), -1) / 255


def colours(train: Arrays, validation: Arrays, test: Arrays) -> Answers:
    """Mark each pixel by its colour alone; the threshold is the best on the validation images."""
    assert train.masks is not None
    assert validation.masks is not None
    pixels, marked = train.images.reshape(-1, train.images.shape[-1]), train.masks.reshape(-1)
    chosen = np.random.default_rng(0).choice(len(pixels), min(PIXELS, len(pixels)), replace=False)
    trees = HistGradientBoostingClassifier(random_state=0).fit(pixels[chosen], marked[chosen])

    def probabilities(arrays: Arrays) -> npt.NDArray[np.float64]:
        flat = arrays.images.reshape(-1, arrays.images.shape[-1])
        likely: npt.NDArray[np.float64] = trees.predict_proba(flat)[:, 1]
        return likely.reshape(*arrays.images.shape[:3], 1)

    known, actual = probabilities(validation), validation.masks == 1
    best = max(np.linspace(0.05, 0.95, 19), key=lambda t: dice_by_image(actual, known >= t).mean())
    return Answers(probabilities(test) >= best)
