# SPDX-License-Identifier: Apache-2.0
"""Chooses the test pictures that a report shows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgecnn.data.arrays import Arrays
from edgecnn.evaluation.accuracy import Floats
from edgecnn.evaluation.html import png
from edgecnn.evaluation.overlap import dice_by_image
from edgecnn.evaluation.pictures import Example, MaskExample, overlay
from edgecnn.evaluation.summary import percent, variant_title
from edgecnn.pipeline.evaluate import Evaluation

EXAMPLES = 5
DIFFERING = 10


def scores_by_image(test: Arrays, evaluation: Evaluation) -> dict[str, Floats]:
    """Return by variant how well it does on each image, (n,): its mask's Dice, or 1 if its class is right."""
    if test.masks is None:
        return {name: 1.0 * (said == test.labels) for name, said in evaluation.predictions.items()}
    return {name: dice_by_image(test.masks == 1, said) for name, said in evaluation.predictions.items()}


def choose_examples(test: Arrays, evaluation: Evaluation, chosen: str) -> tuple[Example, ...]:
    """Return pictures of each class with the answers of the chosen variant."""
    return _answered(test, evaluation, (chosen,), _spread(test.labels))


def choose_mask_examples(test: Arrays, evaluation: Evaluation, chosen: str) -> tuple[MaskExample, ...]:
    """Return pictures from the chosen variant's best mask to its worst, laid over the known ones."""
    assert test.masks is not None
    dice = scores_by_image(test, evaluation)[chosen]
    order = np.argsort(-dice, kind="stable")
    shown = order[np.linspace(0, len(order) - 1, min(EXAMPLES, len(order))).astype(int)]
    known, marked = test.masks == 1, evaluation.predictions[chosen]
    return tuple(
        MaskExample(
            png(overlay(test.images[i], known[i], marked[i])),
            float(known[i].mean()),
            {chosen: float(dice[i])},
        )
        for i in shown
    )


def choose_differing(
    test: Arrays, evaluation: Evaluation, reference: str, chosen: str
) -> tuple[str, tuple[Example, ...]]:
    """Return a sentence on how often the reference and the chosen variant differ, and pictures.

    First come those on which the reference alone is right, the surest answers of the chosen one leading.
    """
    first, last = evaluation.predictions[reference], evaluation.predictions[chosen]
    titles = variant_title(reference), variant_title(chosen)
    differ = np.flatnonzero(first != last)
    if not differ.size:
        return f"{titles[0]} and {titles[1]} give every image the same class.", ()
    lost, won = (answers[differ] == test.labels[differ] for answers in (first, last))
    share = percent(len(differ) / len(first))
    sentence = (
        f"{titles[0]} and {titles[1]} give {len(differ):,} of {len(first):,} images ({share}) another class: "
        f"{titles[0]} alone is right on {lost.sum():,}, {titles[1]} alone on {won.sum():,}, "
        f"neither on {(~lost & ~won).sum():,}."
    )
    surest = evaluation.probabilities[chosen][differ, last[differ]]
    shown = differ[np.lexsort((-surest, ~won, ~lost))][:DIFFERING]
    return sentence, _answered(test, evaluation, (reference, chosen), shown.tolist())


def choose_differing_masks(
    test: Arrays, evaluation: Evaluation, reference: str, chosen: str
) -> tuple[str, tuple[MaskExample, ...]]:
    """Return a sentence on how many pixels the two variants mark differently, and where they differ most."""
    first, last = evaluation.predictions[reference], evaluation.predictions[chosen]
    share = (first != last).mean(axis=(1, 2, 3))
    titles = f"{variant_title(reference)} and {variant_title(chosen)}"
    if not share.any():
        return f"{titles} mark the same pixels in every image.", ()
    shown = np.argsort(-share, kind="stable")[:EXAMPLES]
    sentence = f"{titles} differ in {percent(float(share.mean()))} of all pixels, most in these images."
    dice = scores_by_image(test, evaluation)
    return sentence, tuple(
        MaskExample(
            png(overlay(test.images[i], first[i], last[i])),
            float(share[i]),
            {name: float(dice[name][i]) for name in (reference, chosen)},
        )
        for i in shown[share[shown] > 0]
    )


def _spread(labels: npt.NDArray[np.int64]) -> list[int]:
    """Choose images spread over the classes, the same in every run."""
    by_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    rounds = [int(images[i]) for i in range(EXAMPLES) for images in by_class if i < len(images)]
    return rounds[:EXAMPLES]


def _drawn(sample: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a picture as it is, and numbers, of one row or other channels, channel below channel."""
    if sample.shape[0] > 1 and sample.shape[2] in (1, 3):
        return sample
    return sample.transpose(2, 0, 1).reshape(-1, sample.shape[1])


def _answered(
    test: Arrays, evaluation: Evaluation, variants: Sequence[str], chosen: Sequence[int]
) -> tuple[Example, ...]:
    """Return images with what variants say of them."""

    def answer(name: str, image: int) -> tuple[int, float]:
        label = int(evaluation.predictions[name][image])
        return label, float(evaluation.probabilities[name][image, label])

    return tuple(
        Example(
            png(_drawn(test.images[i])), int(test.labels[i]), {name: answer(name, i) for name in variants}
        )
        for i in chosen
    )
