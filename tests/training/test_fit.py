# SPDX-License-Identifier: Apache-2.0
"""Training that is killed and resumed ends with the very weights of training in one go."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecnn.data.arrays import Arrays
from edgecnn.errors import ModelError, RunError
from edgecnn.progress import silent
from edgecnn.tf import keras, make_repeatable, tf
from edgecnn.training.augmentation import Augmentation
from edgecnn.training.checkpoint import unpack_checkpoint
from edgecnn.training.fit import FitOptions, fit

OPTIONS = FitOptions(
    stage="train",
    epochs=4,
    batch_size=8,
    optimizer="adam",
    learning_rate=1e-2,
    seed=3,
    patience=10,
    balance=True,
    augmentation=Augmentation(rotation=10, flip=True, brightness=0.1),
)


def _arrays(count: int, seed: int) -> Arrays:
    """Make images of two classes, dark and bright."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 2, count)
    images = (draw.integers(0, 128, (count, 12, 12, 1)) + 100 * labels[:, None, None, None]).astype(np.uint8)
    return Arrays(images, labels, tuple(map(str, range(count))), tuple(Path(str(i)) for i in range(count)))


def _model() -> keras.Model:
    make_repeatable(3, 2)
    return keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )


def _compiled(options: FitOptions) -> keras.Model:
    model = _model()
    model.compile(optimizer=keras.optimizers.Adam(options.learning_rate), loss="mse")
    return model


TRAIN, VALIDATION = _arrays(50, 0), _arrays(20, 1)


def _fit(options: FitOptions, checkpoint: Path) -> tuple[list[np.ndarray], list[dict[str, float]]]:
    model = _model()
    history = fit(model, TRAIN, VALIDATION, options, checkpoint, silent)
    return model.get_weights(), history


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    expected, whole = _fit(OPTIONS, tmp_path / "whole.npz")
    _fit(replace(OPTIONS, epochs=2), tmp_path / "parts.npz")
    weights, parts = _fit(OPTIONS, tmp_path / "parts.npz")
    assert parts == whole
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert [row["epoch"] for row in whole] == [1, 2, 3, 4]
    assert whole[-1]["val_accuracy"] > 0.9


def test_patience_stops_and_the_best_weights_are_kept(tmp_path: Path) -> None:
    options = replace(OPTIONS, epochs=30, learning_rate=1.0, patience=2)
    weights, history = _fit(options, tmp_path / "c.npz")
    losses = [row["val_loss"] for row in history]
    best = int(np.argmin(losses))
    assert len(history) == best + 3 < 30
    at_best, _ = _fit(replace(options, epochs=best + 1, keep_best=False), tmp_path / "d.npz")
    for a, b in zip(weights, at_best, strict=True):
        np.testing.assert_array_equal(a, b)


def test_balanced_sampling_shows_as_many_of_each_class_and_others_in_each_epoch() -> None:
    options = replace(OPTIONS, sampling="balanced")
    labels = np.array([0] * 30 + [1] * 5)
    shown = [options.images(labels, epoch) for epoch in range(3)]
    assert all(np.bincount(labels[images]).tolist() == [5, 5] for images in shown)
    assert set(shown[0]) != set(shown[1])
    np.testing.assert_array_equal(shown[2], options.images(labels, 2))
    assert sorted(OPTIONS.images(labels, 0)) == list(range(35))


def test_balanced_sampling_mixes_the_classes() -> None:
    labels = np.array([0] * 900 + [1] * 100)
    order = labels[replace(OPTIONS, sampling="balanced").images(labels, 0)]
    for part in np.split(order, 4):
        assert 12 <= part.sum() <= 38  # of 50; 25 are expected, with a deviation of 3


@pytest.mark.parametrize(
    ("balance", "sampling", "rare"), [(True, "all", 10.0), (False, "balanced", 10.0), (False, "all", 1.0)]
)
def test_where_classes_are_balanced_they_are_in_validation(
    balance: bool, sampling: str, rare: float, tmp_path: Path
) -> None:
    # Ten dark images for each bright one, and a network that does not learn.
    few = np.flatnonzero(VALIDATION.labels == 1)[:1]
    kept = np.concatenate([np.flatnonzero(VALIDATION.labels == 0)[:10], few])
    names = tuple(map(str, kept))
    uneven = Arrays(VALIDATION.images[kept], VALIDATION.labels[kept], names, tuple(map(Path, names)))
    options = replace(OPTIONS, epochs=1, learning_rate=0.0, balance=balance, sampling=sampling)
    model = _model()
    history = fit(model, TRAIN, uneven, options, tmp_path / "c.npz", silent)
    answers = model.predict(uneven.images / np.float32(255), verbose=0)
    losses = -np.log(answers[np.arange(11), uneven.labels])
    weights = np.where(uneven.labels == 1, rare, 1.0)
    assert history[0]["val_loss"] == pytest.approx(np.average(losses, weights=weights), rel=1e-5)


def test_the_target_stops_training(tmp_path: Path) -> None:
    _, history = _fit(replace(OPTIONS, epochs=30, target_accuracy=0.8), tmp_path / "c.npz")
    assert history[-1]["val_accuracy"] >= 0.8
    assert all(row["val_accuracy"] < 0.8 for row in history[:-1])


def test_the_learning_rate_is_halved_on_a_plateau_and_resumed(tmp_path: Path) -> None:
    """At a huge rate the loss doesn't fall, so that it is halved again and again."""
    options = replace(OPTIONS, epochs=6, learning_rate=8.0, reduce_patience=1, patience=None)
    _fit(replace(options, epochs=3), tmp_path / "c.npz")
    _fit(options, tmp_path / "c.npz")
    checkpoint = tmp_path / "c.npz"
    state, _ = unpack_checkpoint(checkpoint.read_bytes(), checkpoint, _compiled(options))
    losses = [row["val_loss"] for row in state.history]
    worse = sum(loss >= min(losses[:epoch]) for epoch, loss in enumerate(losses) if epoch)
    assert worse > 0
    assert state.learning_rate == 8.0 / 2**worse


@pytest.mark.parametrize("loss", ["crossentropy", "focal"])
def test_one_sigmoid_learns_two_classes(tmp_path: Path, loss: str) -> None:
    make_repeatable(3, 2)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((12, 12, 1)), layers.Flatten(), layers.Dense(1, activation="sigmoid")]
    )
    options = replace(OPTIONS, loss=loss, epochs=8, augmentation=Augmentation())
    history = fit(model, TRAIN, VALIDATION, options, tmp_path / "c.npz", silent)
    assert history[-1]["val_auc"] > 0.9
    assert {"precision", "recall", "val_precision", "val_recall"} < set(history[0])


def test_a_loss_for_masks_is_refused_for_classes(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can't be trained with loss dice; use crossentropy, focal"):
        _fit(replace(OPTIONS, loss="dice"), tmp_path / "c.npz")


def test_a_batch_that_does_not_fit_into_memory_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: Any, **__: Any) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(keras.Sequential, "fit", exhausted)
    with pytest.raises(ModelError, match=r"not enough memory to learn from 8 images of 12x12 at a time; use"):
        _fit(OPTIONS, tmp_path / "c.npz")


def test_a_training_that_diverges_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'train' diverged: its loss became nan .* train anew with a lower"):
        _fit(replace(OPTIONS, optimizer="sgd", learning_rate=1e30), tmp_path / "c.npz")
    assert not (tmp_path / "c.npz").exists()


def _damages(content: bytes) -> Iterator[bytes]:
    """Damage a checkpoint: cut it, and give each kind of array another type, shape, number or content."""
    yield from (b"", content[:500], content[: len(content) // 2], b"PK\3\4" + content[4:90])
    with np.load(io.BytesIO(content)) as file:
        arrays = dict(file)
    state = json.loads(arrays["state"].tobytes())
    states = [{**state, name: other} for name in state for other in (None, "x", [], {}, 10**30)]
    states += [
        {**state, "history": [{"epoch": 2.0}]},
        {**state, "epoch": 7},
        {"epoch": 1},
        [],
        state | {"learning_rate": float("nan")},
        state | {"learning_rate": -1},
    ]
    for other in states:
        yield _packed(arrays | {"state": np.frombuffer(json.dumps(other).encode(), np.uint8)})
    for name in ("weights/0", "optimizer/1", "best/0"):
        for array in (arrays[name].astype(str), arrays[name][..., None], arrays[name] > 0, np.zeros(3)):
            yield _packed(arrays | {name: array})
        yield _packed({key: array for key, array in arrays.items() if key != name})
    yield _packed(arrays | {"best/99": arrays["best/0"]})
    yield _packed(arrays | {"weights/0": np.zeros(1 << 27, np.uint8)})
    yield _packed({"state": np.zeros(3, np.uint8)})


def _packed(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "c.npz"
    _fit(replace(OPTIONS, epochs=1), checkpoint)
    model = _compiled(OPTIONS)
    whole = checkpoint.read_bytes()
    assert unpack_checkpoint(whole, checkpoint, model)[0].epoch == 1
    before = model.get_weights()
    for damage in _damages(whole):
        with pytest.raises(RunError, match="does not fit this model or is damaged"):
            unpack_checkpoint(damage, checkpoint, model)
    for weights, kept in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, kept)
