# SPDX-License-Identifier: Apache-2.0
"""Which test pictures a report shows, and what it says of two models that differ."""

from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgecnn.data.arrays import Arrays
from edgecnn.evaluation.results import Metrics
from edgecnn.pipeline.evaluate import Evaluation
from edgecnn.pipeline.examples import (
    choose_differing,
    choose_differing_masks,
    choose_examples,
    choose_mask_examples,
    scores_by_image,
)

FIGURES = Metrics(("a", "b", "c"), 0, {}, (), "float32", None)  # of which pictures show nothing


def level(png: str) -> int:
    """Return the grey, or the red, of a picture's corner."""
    return int(np.asarray(Image.open(BytesIO(b64decode(png)))).flat[0])


def arrays(count: int, labels: Any = 0, masks: Any = None) -> Arrays:
    images = np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(2, 1).repeat(2, 2)
    numbers = np.broadcast_to(np.asarray(labels, np.int64), (count,))
    return Arrays(images, numbers, tuple(map(str, range(count))), (Path(),) * count, masks)


def classes(**answers: list[int]) -> Evaluation:
    """Return an evaluation in which each image's answer is surer than the one before."""
    predictions = {name: np.array(said) for name, said in answers.items()}
    sure = {
        name: np.stack(
            [np.where(said == label, 0.5 + np.arange(len(said)) / 100, 0.1) for label in (0, 1, 2)], 1
        )
        for name, said in predictions.items()
    }
    return Evaluation(FIGURES, sure, predictions)


def test_where_float_alone_is_right_comes_first_the_surest_leading() -> None:
    test = arrays(6, [0, 0, 1, 1, 2, 2])
    evaluation = classes(float32=[0, 0, 1, 0, 0, 2], ptq=[2, 2, 1, 1, 1, 2])
    sentence, shown = choose_differing(test, evaluation, "float32", "ptq")
    assert sentence == (
        "float32 and ptq give 4 of 6 images (66.7%) another class: "
        "float32 alone is right on 2, ptq alone on 1, neither on 1."
    )
    assert [level(example.png) for example in shown] == [1, 0, 3, 4]
    assert shown[0].actual == 0
    assert shown[0].answers == {"float32": (0, 0.51), "ptq": (2, 0.51)}


def test_agreement_is_said() -> None:
    same = choose_differing(arrays(2), classes(float32=[0, 1], int8_ptq=[0, 1]), "float32", "int8_ptq")
    assert same == ("float32 and int8, post-training give every image the same class.", ())


def test_examples_take_turns_among_classes() -> None:
    test = arrays(9, [0, 0, 0, 0, 0, 0, 0, 1, 2])
    shown = choose_examples(test, classes(ptq=[1] * 9, float32=[0] * 9), "ptq")
    assert [level(example.png) for example in shown] == [0, 7, 8, 1, 2]
    assert all(example.variants == {"ptq"} for example in shown)


@pytest.fixture
def masked() -> tuple[Arrays, Evaluation]:
    masks = np.zeros((3, 2, 2, 1), np.uint8)
    masks[:, 0] = 1
    first = masks == 1
    last = first.copy()
    last[1, 0, 0] = False
    last[2] = ~last[2]
    return arrays(3, masks=masks), Evaluation(FIGURES, {}, {"float32": first, "int8_ptq": last})


def test_masks_are_shown_from_the_best_to_the_worst(masked: tuple[Arrays, Evaluation]) -> None:
    shown = choose_mask_examples(*masked, "int8_ptq")
    assert [example.dice["int8_ptq"] for example in shown] == [1, pytest.approx(2 / 3), 0]
    assert [example.share for example in shown] == [0.5, 0.5, 0.5]
    assert scores_by_image(*masked)["float32"].tolist() == [1, 1, 1]


def test_masks_that_differ_most_come_first_and_equal_ones_not(masked: tuple[Arrays, Evaluation]) -> None:
    sentence, shown = choose_differing_masks(*masked, "float32", "int8_ptq")
    assert sentence == "float32 and int8, post-training differ in 41.7% of all pixels, most in these images."
    assert [example.share for example in shown] == [1, 0.25]
    # Blue: the float model alone marks the corner of both; half of picture 2 and 1 shines through.
    assert [level(example.png) for example in shown] == [31, 30]
    assert all(example.variants == {"float32", "int8_ptq"} for example in shown)
