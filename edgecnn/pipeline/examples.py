# SPDX-License-Identifier: Apache-2.0
"""Chooses the test pictures that a report shows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgecnn.data.arrays import Arrays
from edgecnn.evaluation.accuracy import Floats
from edgecnn.evaluation.overlap import dice_by_image
from edgecnn.evaluation.pictures import Example, MaskExample
from edgecnn.evaluation.summary import percent, variant_title
from edgecnn.pipeline.evaluate import Evaluation

EXAMPLES = 5
DISAGREEMENTS = 10

Indices = npt.NDArray[np.intp]


def scores_by_image(test: Arrays, evaluation: Evaluation) -> dict[str, Floats]:
    """Return by variant how well it does on each image, (n,): its mask's Dice, or 1 if its class is right."""
    if test.masks is None:
        return {name: 1.0 * (said == test.labels) for name, said in evaluation.predictions.items()}
    return {name: dice_by_image(test.masks == 1, said) for name, said in evaluation.predictions.items()}


def choose_examples(test: Arrays, evaluation: Evaluation) -> list[Example | MaskExample]:
    """Return pictures with the last variant's answers: of each class, or from the best mask to the worst."""
    last = list(evaluation.predictions)[-1:]
    if test.masks is None:
        chosen = _spread(test.labels)
    else:
        order = np.argsort(-scores_by_image(test, evaluation)[last[0]], kind="stable")
        chosen = order[np.linspace(0, len(order) - 1, min(EXAMPLES, len(order))).astype(int)].tolist()
    return _shown(test, evaluation, last, chosen)


def choose_disagreements(
    test: Arrays, evaluation: Evaluation
) -> tuple[str, list[Example | MaskExample]] | None:
    """Return a sentence on how often the first and the last variant differ, and pictures.

    First come those on which the first alone is right, the surest answers of the last leading; of masks those
    that differ most. None where there is but one variant.
    """
    names = list(evaluation.predictions)
    pair = [names[0], names[-1]]
    if len(names) < 2:
        return None
    sentence, chosen = (_differing if test.masks is None else _differing_masks)(test, evaluation, pair)
    return sentence, _shown(test, evaluation, pair, chosen.tolist())


def _differing(test: Arrays, evaluation: Evaluation, pair: Sequence[str]) -> tuple[str, Indices]:
    first, last = (evaluation.predictions[name] for name in pair)
    titles = [variant_title(name) for name in pair]
    differ = np.flatnonzero(first != last)
    if not differ.size:
        return f"{titles[0]} and {titles[1]} give every image the same class.", differ
    lost, won = (answers[differ] == test.labels[differ] for answers in (first, last))
    share = percent(len(differ) / len(first))
    sentence = (
        f"{titles[0]} and {titles[1]} give {len(differ):,} of {len(first):,} images ({share}) another class: "
        f"{titles[0]} alone is right on {lost.sum():,}, {titles[1]} alone on {won.sum():,}, "
        f"neither on {(~lost & ~won).sum():,}."
    )
    surest = evaluation.probabilities[pair[1]][differ, last[differ]]
    return sentence, differ[np.lexsort((-surest, ~won, ~lost))][:DISAGREEMENTS]


def _differing_masks(test: Arrays, evaluation: Evaluation, pair: Sequence[str]) -> tuple[str, Indices]:
    first, last = (evaluation.predictions[name] for name in pair)
    share = (first != last).mean(axis=(1, 2, 3))
    titles = " and ".join(map(variant_title, pair))
    if not share.any():
        return f"{titles} mark the same pixels in every image.", np.zeros(0, np.intp)
    chosen = np.argsort(-share, kind="stable")[:EXAMPLES]
    sentence = f"{titles} differ in {percent(float(share.mean()))} of all pixels, most in these images."
    return sentence, chosen[share[chosen] > 0]


def _spread(labels: npt.NDArray[np.int64]) -> list[int]:
    """Choose images spread over the classes, the same in every run."""
    by_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    rounds = [int(images[i]) for i in range(EXAMPLES) for images in by_class if i < len(images)]
    return rounds[:EXAMPLES]


def _shown(
    test: Arrays, evaluation: Evaluation, variants: Sequence[str], chosen: Sequence[int]
) -> list[Example | MaskExample]:
    """Return images with what variants say of them."""
    said = {name: evaluation.predictions[name] for name in variants}
    if test.masks is None:
        return [
            Example(
                test.images[i],
                int(test.labels[i]),
                {
                    name: (int(classes[i]), float(evaluation.probabilities[name][i, classes[i]]))
                    for name, classes in said.items()
                },
            )
            for i in chosen
        ]
    dice = scores_by_image(test, evaluation)
    return [
        MaskExample(
            test.images[i],
            test.masks[i] == 1,
            {name: masks[i] for name, masks in said.items()},
            {name: float(dice[name][i]) for name in variants},
        )
        for i in chosen
    ]
