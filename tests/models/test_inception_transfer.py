# SPDX-License-Identifier: Apache-2.0
"""`inception-transfer` is Keras's InceptionV3 up to mixed7, and takes its weights exactly."""

from pathlib import Path

import numpy as np
import pytest

from edgecnn.errors import ModelError
from edgecnn.models.inception_transfer import BASE_END, build, load_weights
from edgecnn.tf import keras

SHAPE = (75, 75, 3)


def test_shapes_at_full_size() -> None:
    model = build((256, 256, 3), 3, 1)
    assert model.get_layer(BASE_END).output_shape == (None, 14, 14, 768)
    assert [layer.name for layer in model.layers[-7:]] == [
        "flatten", "dense1", "norm1", "dense2", "dropout", "norm2", "probabilities",
    ]  # fmt: skip


def test_weights_of_a_file_give_what_keras_computes(tmp_path: Path) -> None:
    """Keras scales pixels to -1..1; the model takes 0..1."""
    whole = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=SHAPE)
    assert len(whole.layers) == 311
    rng = np.random.default_rng(0)
    whole.set_weights([w + rng.uniform(0, 0.1, w.shape) * (w.ndim == 1) for w in whole.get_weights()])
    whole.save_weights(tmp_path / "weights.h5")
    model = build(SHAPE, 3, 1)
    load_weights(model, str(tmp_path / "weights.h5"))
    images = rng.random((2, *SHAPE), np.float32)
    expected = keras.Model(whole.input, whole.get_layer(BASE_END).output).predict(2 * images - 1, verbose=0)
    found = keras.Model(model.input, model.get_layer(BASE_END).output).predict(images, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    narrow = build(SHAPE, 3, 0.5)
    with pytest.raises(
        ModelError, match=r'do not fit model "inception-transfer" of this width and these channels: where'
    ):
        load_weights(narrow, str(tmp_path / "weights.h5"))


def test_what_is_no_weights_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "no.h5").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"no\.h5 holds no weights of Keras's InceptionV3"):
        load_weights(None, str(tmp_path / "no.h5"))
