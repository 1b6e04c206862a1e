# SPDX-License-Identifier: Apache-2.0
"""However a network scales its image first, it gets the range that it was made for, by one operator."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_networks import KERAS

from edgecnn.converters.saved_model import SignatureModel
from edgecnn.errors import ModelError
from edgecnn.models._normalize import normalized
from edgecnn.tf import keras, quiet, tf

Begin = Callable[[Any, Any], Any]  # (Keras, image) -> what the first convolution takes
SHAPE = (10, 8, 3)
IMAGES = np.random.default_rng(0).random((3, *SHAPE)).astype(np.float32)


class Halves(keras.layers.Layer):  # type: ignore[misc]
    """A layer of a person's own, without weights."""

    def call(self, image: Any) -> Any:
        """Return bytes as -1 to 1."""
        return image / 127.5 - 1.0


def _applied(*layers: Any) -> Begin:
    """Return what calls layers, (name, options) each, one after the other."""

    def begin(of: Any, image: Any) -> Any:
        for name, options in layers:
            image = getattr(of.layers, name)(**options)(image)
        return image

    return begin


def _each_colour(of: Any, image: Any) -> Any:
    return of.layers.Concatenate()(
        [(image[..., channel : channel + 1] - 120.0) / 60.0 for channel in (2, 0, 1)]
    )


def _stacked(of: Any, image: Any) -> Any:
    mean, join = (104.0, 117.0, 124.0), of.ops.stack if of is KERAS["keras3"] else tf.stack
    return join([image[..., channel] - mean[channel] for channel in (2, 1, 0)], -1)


def _padded_behind(of: Any, image: Any) -> Any:
    return of.layers.ZeroPadding2D(1)(of.layers.Rescaling(1 / 127.5, -1)(image))


_PAD, _CROP = ("ZeroPadding2D", {"padding": 2}), ("Cropping2D", {"cropping": 1})
_RESIZE, _SCALE = ("Resizing", {"height": 7, "width": 9}), ("Rescaling", {"scale": 1 / 127.5, "offset": -1})
_NORM = ("Normalization", {"mean": [120.0, 110.0, 100.0], "variance": [3000.0, 2000.0, 4000.0]})
BYTES: dict[str, Begin] = {
    "caffe": lambda of, image: of.applications.resnet50.preprocess_input(image),
    "torch": lambda of, image: of.applications.densenet.preprocess_input(image),
    "tf": lambda of, image: of.applications.mobilenet_v2.preprocess_input(image),
    "flipped": lambda of, image: of.layers.Rescaling(1 / 255)(image[..., ::-1]),
    "flipped_then_normalized": lambda of, image: _applied(_NORM)(of, image[..., ::-1]),
    "each_colour": _each_colour,
    "stacked": _stacked,
    "padded": _applied(_PAD, _SCALE),
    "padded_and_cropped": _applied(_RESIZE, _PAD, _SCALE, _CROP),
    "padded_behind": _padded_behind,
    "pooled": _applied(("MaxPooling2D", {"pool_size": 2}), _SCALE),
    "averaged": _applied(("AveragePooling2D", {"pool_size": 2}), _NORM),
    "noise": _applied(("GaussianNoise", {"stddev": 1.0}), _SCALE),
    "one_colour": lambda of, image: image[..., 1:2] / 255.0,
    "mean_alone": lambda of, image: image - 127.0,
    "negative": lambda of, image: 1.0 - image / 255.0,
}
UNIT: dict[str, Begin] = {
    "plain": lambda of, image: image,
    "halves": _applied(("Rescaling", {"scale": 2.0, "offset": -1})),
    "flip_alone": lambda of, image: image[..., ::-1],
    "one_mean": lambda of, image: (image - 0.45) / 0.22,
    "bytes_made": _applied(("Rescaling", {"scale": 255.0})),
    "pad_alone": _applied(_PAD),
    "greatest": _applied(("MaxPooling2D", {"pool_size": 2})),
}


def _network(of: Any, begin: Begin, image: Any = None) -> Any:
    of.utils.set_random_seed(1)
    image = of.Input(SHAPE) if image is None else image
    maps = of.layers.Conv2D(4, 3, activation="relu")(begin(of, image))
    return of.Model(image, of.layers.Dense(2)(of.layers.Flatten()(maps)))


def _check(model: Any, factor: float) -> Any:
    flat, notes = normalized(model, "mine")
    expected = np.array(model(IMAGES * factor, training=False))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(flat(IMAGES, training=False) / scale, expected / scale, atol=2e-5)
    assert [("bytes of 0 to 255" in note) for note in notes] == [True] * (factor == 255)
    return flat


@pytest.mark.parametrize("of", KERAS)
@pytest.mark.parametrize("name", BYTES)
def test_what_is_made_for_bytes_gets_255_times_as_much(name: str, of: str) -> None:
    flat = _check(_network(KERAS[of], BYTES[name]), 255)
    kinds = [type(layer).__name__ for layer in flat.layers]
    assert not {"TFOpLambda", "SlicingOpLambda"} & set(kinds)  # what int8 and C can't do
    if name not in ("pooled", "averaged", "noise"):  # these come between
        assert "Rescaling" not in kinds


@pytest.mark.parametrize("of", KERAS)
@pytest.mark.parametrize("name", UNIT)
def test_what_is_made_for_0_to_1_gets_that(name: str, of: str) -> None:
    _check(_network(KERAS[of], UNIT[name]), 1)


@pytest.mark.parametrize("of", KERAS)
@pytest.mark.parametrize("shared", [True, False])
def test_an_image_that_is_scaled_in_two_branches(shared: bool, of: str) -> None:
    layers = KERAS[of].layers
    image = KERAS[of].Input(SHAPE)
    first, second = layers.Rescaling(1 / 255), layers.Rescaling(1 / 127.5, -1)
    maps = [
        layers.Conv2D(2, 3)(scaled(image)) for scaled in (first, first if shared else second, lambda x: x)
    ]
    model = KERAS[of].Model(image, layers.GlobalMaxPooling2D()(layers.Concatenate()(maps)))
    _check(model, 255)


@pytest.mark.parametrize("of", KERAS)
def test_what_is_scaled_and_then_scaled_on_in_a_branch(of: str) -> None:
    layers = KERAS[of].layers
    image = KERAS[of].Input(SHAPE)
    unit = layers.Rescaling(1 / 255)(image)
    maps = [layers.Conv2D(2, 3)(unit), layers.Conv2D(2, 3)((unit - 0.5) * 2.0)]
    _check(KERAS[of].Model(image, layers.GlobalMaxPooling2D()(layers.Concatenate()(maps))), 255)


@pytest.mark.parametrize("of", KERAS)
@pytest.mark.parametrize(
    ("mean", "variance", "factor"), [(110.0, 4000.0, 255), (0.4, 0.06, 1), (30, 99, 255)]
)
def test_a_batch_normalization_tells_what_it_has_seen(
    mean: float, variance: float, factor: int, of: str
) -> None:
    model = _network(KERAS[of], _applied(("BatchNormalization", {})))
    [norm] = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    norm.set_weights([*norm.get_weights()[:2], np.full(3, mean), np.full(3, variance)])
    _check(model, factor)


@pytest.mark.parametrize("of", KERAS)
def test_whole_numbers_are_bytes(of: str) -> None:
    def cast(of: Any, image: Any) -> Any:
        return of.ops.cast(image, "float32") if of is KERAS["keras3"] else tf.cast(image, tf.float32)

    model = _network(KERAS[of], cast, KERAS[of].Input(SHAPE, dtype="uint8"))
    flat, [note] = normalized(model, "mine")
    assert "takes whole numbers, bytes of 0 to 255" in note
    pixels = np.round(IMAGES * 255)
    np.testing.assert_allclose(flat(pixels / 255), np.array(model(pixels.astype(np.uint8))), rtol=1e-4)


def test_whole_numbers_that_are_treated_as_such_are_refused() -> None:
    model = _network(
        keras,
        lambda of, image: tf.image.convert_image_dtype(image, tf.float32),
        keras.Input(SHAPE, dtype="uint8"),
    )
    with pytest.raises(
        ModelError, match=r'"mine" takes whole numbers .*; give it keras.Input\(..., dtype="fl'
    ):
        normalized(model, "mine")


@pytest.mark.parametrize("of", KERAS)
@pytest.mark.parametrize("name", ["caffe", "padded", "negative", "noise", "plain", "one_mean"])
def test_a_saved_model_is_looked_at_too(name: str, of: str, tmp_path: Path) -> None:
    model = _network(KERAS[of], {**BYTES, **UNIT}[name])
    with quiet():
        model.export(tmp_path, **({"verbose": False} if of == "keras3" else {}))
    signature = SignatureModel(tmp_path, Path("mine"))
    assert [("bytes of 0 to 255" in note) for note in signature.notes] == [True] * (name in BYTES)
    expected = np.array(model(IMAGES * (255 if name in BYTES else 1)))
    np.testing.assert_allclose(signature(IMAGES), expected, atol=1e-6 * np.abs(expected).max())


def test_a_saved_model_of_whole_numbers_is_refused(tmp_path: Path) -> None:
    with quiet():
        _network(
            keras, lambda of, image: tf.cast(image, tf.float32), keras.Input(SHAPE, dtype="uint8")
        ).export(tmp_path)
    with pytest.raises(ModelError, match=r"^mine takes uint8 and not float32; save its model with a float32"):
        SignatureModel(tmp_path, Path("mine"))


def test_the_statistics_of_a_saved_model_tell(tmp_path: Path) -> None:
    model = _network(keras, _applied(("BatchNormalization", {})))
    model.layers[1].set_weights([np.ones(3), np.zeros(3), np.full(3, 110.0), np.full(3, 4000.0)])
    with quiet():
        model.export(tmp_path)
    [note] = SignatureModel(tmp_path, Path("mine")).notes
    assert "scales bytes of 0 to 255 by" in note


def test_a_layer_of_ones_own_is_looked_through() -> None:
    _check(_network(keras, lambda of, image: Halves()(image)), 255)


@pytest.mark.parametrize("of", KERAS)
def test_what_tells_nothing_is_said(of: str) -> None:
    model = _network(KERAS[of], lambda of, image: image**0.45)
    flat, [note] = normalized(model, "mine")
    assert "doesn't tell whether it was made for 0 to 255 or 0 to 1" in note
    assert note.endswith("if it wants bytes, put Rescaling(255.0) first")
    np.testing.assert_allclose(flat(IMAGES), np.array(model(IMAGES)), atol=1e-5)
    assert normalized(_network(KERAS[of], lambda of, image: (image / 255.0) ** 0.45), "mine")[1][
        0
    ].startswith('model "mine" scales bytes of 0 to 255 by')


def test_a_figure_of_the_whole_batch_tells_nothing() -> None:
    _check(_network(keras, lambda of, image: image + 0.0 * tf.reduce_max(image)), 1)


def test_standardized_images_are_the_same_of_either() -> None:
    model = _network(keras, lambda of, image: tf.image.per_image_standardization(image))
    flat, notes = normalized(model, "mine")
    assert notes == []
    np.testing.assert_allclose(flat(IMAGES), model(IMAGES * 255), atol=1e-4)
