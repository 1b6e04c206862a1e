# SPDX-License-Identifier: Apache-2.0
"""Training in mixed precision learns, is resumed exactly, and leaves a float32 model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.arrays import Arrays
from edgecnn.errors import ModelError
from edgecnn.progress import silent
from edgecnn.tf import keras, make_repeatable
from edgecnn.training.augmentation import Augmentation
from edgecnn.training.fit import FitOptions, fit
from edgecnn.training.precision import in_mixed_precision

layers = keras.layers
OPTIONS = FitOptions(
    stage="train",
    epochs=4,
    batch_size=8,
    optimizer="adam",
    learning_rate=1e-2,
    seed=3,
    augmentation=Augmentation(flip=True),
    mixed_precision=True,
)


def _arrays(count: int, seed: int) -> Arrays:
    """Make images of two classes, dark and bright."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 2, count)
    images = (draw.integers(0, 128, (count, 12, 12, 1)) + 100 * labels[:, None, None, None]).astype(np.uint8)
    names = tuple(map(str, range(count)))
    return Arrays(images, labels, names, tuple(map(Path, names)), (images > 128).astype(np.uint8))


TRAIN, VALIDATION = _arrays(50, 0), _arrays(20, 1)


def _model() -> keras.Model:
    """Return a network with a frozen network in it."""
    make_repeatable(3, 2)
    base = keras.Sequential([keras.Input((12, 12, 1)), layers.Conv2D(4, 3), layers.BatchNormalization()])
    base.trainable = False
    image = keras.Input((12, 12, 1))
    features = layers.Flatten()(layers.ReLU()(layers.Conv2D(4, 3)(base(image))))
    return keras.Model(image, layers.Softmax()(layers.Dense(2, name="logits")(features)))


def _fit(options: FitOptions, checkpoint: Path) -> tuple[keras.Model, list[dict[str, float]]]:
    model = _model()
    return model, fit(model, TRAIN, VALIDATION, options, checkpoint, silent)


@pytest.mark.study
def test_it_learns_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    files = tmp_path / "whole.npz", tmp_path / "parts.npz"
    expected, whole = _fit(OPTIONS, files[0])
    _fit(replace(OPTIONS, epochs=2), files[1])
    model, parts = _fit(OPTIONS, files[1])
    assert parts == whole
    assert whole[-1]["val_accuracy"] > 0.9
    for a, b in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with np.load(files[0]) as one, np.load(files[1]) as other:
        assert one.files == other.files
        assert all((one[name] == other[name]).all() for name in one.files)
        scale, steps = (one[name] for name in [n for n in one.files if n.startswith("optimizer/")][-2:])
    assert scale > 1
    assert 0 < steps <= 28
    assert "float16" not in model.to_json()
    assert model.optimizer is None


def test_all_but_the_end_compute_in_float16() -> None:
    model = _model()
    copy = in_mixed_precision(model)
    convolution, norm = copy.layers[1].layers
    assert copy.layers[2].compute_dtype == "float16"
    assert (convolution.compute_dtype, norm.compute_dtype) == ("float16", "float32")  # the end of its model
    assert [layer.compute_dtype for layer in copy.layers[-2:]] == ["float32", "float32"]
    assert {weight.dtype.name for weight in copy.weights} == {"float32"}
    assert [len(copy.trainable_weights), len(copy.weights)] == [4, 10]
    images = TRAIN.images / np.float32(255)
    np.testing.assert_allclose(copy(images), model(images), atol=2e-3)
    assert not (copy(images).numpy() == model(images).numpy()).all()


def test_masks_are_learned_as_in_float32(tmp_path: Path) -> None:
    rows = []
    for mixed in (True, False):
        make_repeatable(3, 2)
        image = keras.Input((12, 12, 1))
        features = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
        model = keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(features))
        options = replace(OPTIONS, loss="dice", epochs=2, mixed_precision=mixed)
        rows.append(fit(model, TRAIN, VALIDATION, options, tmp_path / f"{mixed}.npz", silent))
    for of_mixed, of_float in zip(*rows, strict=True):
        assert of_mixed == pytest.approx(of_float, rel=0.01)
    assert rows[0] != rows[1]
    assert rows[0][1]["loss"] < 0.95 * rows[0][0]["loss"]


def test_what_cannot_be_copied_is_told() -> None:
    class Own(keras.Model):
        def call(self, inputs: object) -> object:
            return inputs

    with pytest.raises(ModelError, match=r'model "own" can\'t be trained in mixed precision: .*leave out'):
        in_mixed_precision(Own(name="own"))
