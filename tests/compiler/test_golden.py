# SPDX-License-Identifier: Apache-2.0
"""Golden vectors: noise first, then what the model answers otherwise, the same every time."""

from collections.abc import Callable

import networks
import numpy as np
import pytest
from generated_c import run_numpy
from tflite_builder import Builder

from edgecnn.compiler.golden import golden_vectors
from edgecnn.compiler.reading.tflite import parse


def bright(pixels: int = 8, classes: int = 0) -> bytes:
    """Says whether a picture's mean is above the middle; with `classes`, in which channel it is highest."""
    builder = Builder()
    source = builder.input((1, pixels, pixels, max(1, classes)), 0.1, 0)
    mean = builder.tensor((1, max(1, classes)), "int8", 0.1, 0)
    axes = builder.tensor((2,), "int32", data=np.array([1, 2], np.int32))
    builder.operator("MEAN", (source, axes), mean)
    return builder.build((source,), (builder.unary("SOFTMAX" if classes else "LOGISTIC", mean),))


def test_a_yes_and_a_no_are_among_them() -> None:
    answers = {int(vector.outputs[0][0, 0]) >= 0 for vector in golden_vectors(parse(bright()))}
    assert answers == {True, False}


def test_every_class_is_among_them() -> None:
    answers = [int(vector.outputs[0].argmax()) for vector in golden_vectors(parse(bright(classes=3)))]
    assert sorted(answers) == [0, 1, 2]


def test_the_first_is_noise_from_all_that_an_input_can_be() -> None:
    [first], *_ = (vector.inputs for vector in golden_vectors(parse(bright(pixels=64))))
    assert (first.min(), first.max(), len(np.unique(first))) == (-128, 127, 256)


@pytest.mark.parametrize("network", [networks.small, networks.autoencoder, networks.two_ends])
def test_they_are_what_the_model_makes_and_the_same_every_time(network: Callable[[], bytes]) -> None:
    model = network()
    vectors, again = golden_vectors(parse(model)), golden_vectors(parse(model))
    assert len(vectors) == 3
    made = run_numpy(model, [vector.inputs for vector in vectors])
    for vector, other, expected in zip(vectors, again, made, strict=True):
        assert list(map(bytes, vector.inputs)) == list(map(bytes, other.inputs))
        assert list(map(bytes, vector.outputs)) == list(map(bytes, expected))
    assert len({bytes(vector.inputs[0]) for vector in vectors}) == 3


def test_a_large_model_stores_one() -> None:
    assert len(golden_vectors(parse(bright(pixels=240)))) == 1
