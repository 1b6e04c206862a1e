# SPDX-License-Identifier: Apache-2.0
"""Every kind of network that people bring is trained, pruned, quantized and compiled, to the same bytes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_networks import KERAS, NETWORKS

from edgecnn.compression.obstacles import obstacles, require_readable
from edgecnn.compression.pruning import prune
from edgecnn.compression.qat import quantize_aware
from edgecnn.converters.keras_to_tflite import keras_to_int8
from edgecnn.converters.layer_at_fault import naming_layers
from edgecnn.data.arrays import Arrays
from edgecnn.errors import ModelError
from edgecnn.models._normalize import normalized, with_probabilities
from edgecnn.pipeline.verify import verify
from edgecnn.progress import silent
from edgecnn.runtime.tflite import TfliteModel
from edgecnn.tf import keras, make_repeatable, tf
from edgecnn.training.fit import FitOptions, fit

SHAPE = (16, 16, 1)
LEFT = {"separable", "prelu", "behind_relu"}  # what is quantized after training only
OPTIONS = FitOptions("train", 1, 8, "adam", 1e-2, 0)


def _arrays() -> Arrays:
    """Return images of stripes, flat or upright."""
    labels, draw = np.arange(16) % 2, np.random.default_rng(0)
    images = draw.integers(0, 60, (16, *SHAPE)).astype(np.uint8)
    images[labels == 0, ::4] += 180
    images[labels == 1, :, ::4] += 180
    names = tuple(map(str, labels))
    return Arrays(images, labels, names, tuple(map(Path, names)))


def _own(name: str, of: Any) -> Any:
    make_repeatable(0)
    model = with_probabilities(normalized(NETWORKS[name](of, SHAPE, 2), name)[0], name)[0]
    require_readable(model)
    return model


def _compress(model: Any, arrays: Arrays, folder: Path) -> tuple[Any, list[str]]:
    fit(model, arrays, arrays, OPTIONS, folder / "train.npz", silent)
    options = replace(OPTIONS, stage="prune", keep_best=False)
    pruned, _ = prune(model, arrays, arrays, options, 0.5, folder / "prune.npz", silent)
    options = replace(OPTIONS, stage="qat")
    quantized, _, left = quantize_aware(pruned, model, arrays, arrays, options, folder / "qat.npz", silent)
    return quantized, left


@pytest.mark.slow(seconds=60)
@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("mixture", "keras2"),
        ("two_backbones", "keras2"),
        ("many_layers", "keras2"),
        ("squeeze", "keras3"),
        ("functions", "keras3"),
        ("shared", "keras3"),
    ],
)
def test_every_kind_comes_through(name: str, of: str, tmp_path: Path) -> None:
    arrays = _arrays()
    model = _own(name, KERAS[of])
    quantized, left = _compress(model, arrays, tmp_path)
    assert set(left) == (LEFT if name == "many_layers" else set())
    tflite = tmp_path / "own.tflite"
    tflite.write_bytes(keras_to_int8(quantized, arrays.images))
    expected = quantized.predict(arrays.images / np.float32(255), verbose=0)
    np.testing.assert_allclose(TfliteModel(tflite).predict(arrays.images), expected, atol=0.03)
    verified = verify(tflite, "c99", 4)
    assert (verified.bytes_compared, verified.bytes_different) == (8, 0)


def test_what_is_in_the_way_is_told_by_the_layer() -> None:
    layers = keras.layers
    image = keras.Input(SHAPE)
    places = layers.LocallyConnected2D(2, 3, name="even")(layers.Conv2D(2, 3)(image))
    model = keras.Model(image, layers.Dense(2)(layers.Flatten()(places)))
    [sentence] = obstacles(model)
    assert sentence.startswith(
        "'edgecnn compile' can't make C of it, TensorFlow Lite runs it: layer \"even\": "
    )
    first = layers.Conv2D(2, 3, activation="elu", name="first")
    model = keras.Sequential([keras.Input(SHAPE), first, layers.Flatten(), layers.Dense(2)])
    [sentence] = obstacles(normalized(model, "mine")[0])
    assert sentence.startswith("'edgecnn compress' can't quantize it: layer \"first_activation\": ELU ")
    assert sentence.endswith("has no int8 form: replace that layer")


@pytest.mark.parametrize(
    ("odd", "operator"),
    [
        (keras.layers.GroupNormalization(2, name="odd"), "SQUARE"),
        (keras.layers.TimeDistributed(keras.layers.GRU(2), name="odd"), "a loop,"),  # it crashed TensorFlow
    ],
    ids=["norm", "gru"],
)
def test_a_layer_is_named_though_its_operators_have_other_names(odd: Any, operator: str) -> None:
    layers = keras.layers
    first, last = [layers.Conv2D(2, 3, strides=6)], [layers.Flatten()]
    model = keras.Sequential([keras.Input(SHAPE), *first, odd, *last])
    image = np.zeros((1, *SHAPE), np.uint8)
    with pytest.raises(ModelError, match=rf'^layer "odd": {operator} '):
        naming_layers(lambda part: keras_to_int8(part, image), model)


def test_a_network_for_which_nothing_is_in_the_way() -> None:
    assert obstacles(_own("norm_first", keras)) == []


def test_a_class_that_no_file_can_hold_is_refused() -> None:
    class Own(keras.layers.Layer):  # type: ignore[misc]
        def call(self, image: Any) -> Any:
            return image

    model = keras.Sequential(
        [keras.Input(SHAPE), Own(name="odd"), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    with pytest.raises(
        ModelError, match=r'layer "odd" \(Own\) could be saved, but not read again: give its class a'
    ):
        require_readable(model)


def test_a_function_that_no_file_may_hold_is_refused() -> None:
    image = keras.Input(SHAPE)
    model = keras.Model(image, keras.layers.Flatten()(tf.math.cumsum(image, axis=1)))
    with pytest.raises(
        ModelError, match=r'function "tf.math.cumsum.*" \(tf.math.cumsum\) could be saved, but'
    ):
        require_readable(model)
