# SPDX-License-Identifier: Apache-2.0
"""A person's own network, from a Python file or a saved model."""

from pathlib import Path

import numpy as np
import pytest

from edgecnn.errors import ModelError
from edgecnn.models import architecture
from edgecnn.tf import keras, keras3, tfmot

SOURCE = """
from edgecnn.tf import keras

def tiny(input_shape, classes):
    flat = keras.layers.Flatten()(image := keras.Input(input_shape))
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(flat))

def wrong(input_shape, classes):
    return 3

def larger(input_shape, classes):
    return tiny((12, 10, 3), classes)

def ends(input_shape, classes):
    raise SystemExit(0)

def a_class(input_shape, classes):
    return keras.Model

def fails(input_shape, classes):
    raise ValueError("no such thing")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(SOURCE)
    return path


def test_a_function_is_called_with_shape_and_classes(file: Path) -> None:
    found = architecture(f"{file}:tiny")
    assert found.build((8, 6, 1), 4, 1).output_shape == (None, 4)
    assert found.build(found.input_shape, 2, 1).input_shape == (None, 96, 96, 3)


def test_a_saved_model_goes_on(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((5, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.save(tmp_path / "saved.h5")
    found = architecture(str(tmp_path / "saved.h5"))
    assert found.input_shape == (5, 4, 1)
    assert found.build((5, 4, 1), 2, 1).count_params() == model.count_params()
    with pytest.raises(ModelError, match=r"takes images of \(5, 4, 1\) and no others"):
        found.build((8, 8, 1), 2, 1)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_model_of_keras_3_goes_on(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"saved.{suffix}"
    layers = keras3.layers
    model = keras3.Sequential([keras3.Input((5, 4, 1)), layers.Flatten(), layers.Dense(2, "softmax")])
    model.save(path)
    found = architecture(str(path))
    assert found.input_shape == (5, 4, 1)
    images = np.random.default_rng(0).random((3, 5, 4, 1)).astype(np.float32)
    built = found.build((5, 4, 1), 2, 1)
    np.testing.assert_allclose(built(images), np.array(model(images)), atol=1e-6)
    assert isinstance(built, keras.Model)


def test_a_model_with_wrappers_of_the_toolkit_goes_on(tmp_path: Path) -> None:
    layers = keras.layers
    model = keras.Sequential([keras.Input((5, 4, 1)), layers.Flatten(), layers.Dense(2, "softmax")])
    tfmot.sparsity.keras.prune_low_magnitude(model).save(tmp_path / "pruned.h5")
    built = architecture(str(tmp_path / "pruned.h5")).build((5, 4, 1), 2, 1)
    assert [type(layer).__name__ for layer in built.layers] == ["InputLayer", "Flatten", "Dense"]
    images = np.random.default_rng(0).random((3, 5, 4, 1)).astype(np.float32)
    np.testing.assert_allclose(built(images), model(images), atol=1e-6)


def test_what_was_changed_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "own.py").write_text(
        "import keras\n"
        "def net(shape, classes):\n"
        "    keras.config.set_dtype_policy('mixed_float16')\n"
        "    layers = keras.layers\n"
        "    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(classes)])\n"
    )
    built = architecture(f"{tmp_path}/own.py:net").build((5, 4, 1), 2, 1)
    assert built.layers[-1].activation is keras.activations.softmax
    assert "computes in float16" in caplog.messages[0]
    assert 'ends in logits, by layer "dense' in caplog.messages[1]
    assert (keras3.config.dtype_policy().name, keras.mixed_precision.global_policy().name) == ("float32",) * 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{file}:none", "has no function none"),
        ("{file}x.py:tiny", "there is no file"),
        ("{file}:wrong", "returned no Keras model with the input shape"),
        ("{file}:a_class", "returned no Keras model with the input shape"),
        ("{file}:larger", r"but one with \(12, 10, 3\); ask for that by --input-size 12x10 --channels 3"),
        ("{file}:ends", "fails with SystemExit: 0"),
        ("{file}:fails", "fails with ValueError: no such thing"),
        ("{file}.keras", "there is no file"),
    ],
)
def test_what_is_no_network_is_refused(file: Path, name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        architecture(name.format(file=file)).build((8, 8, 1), 2, 1)
    with pytest.raises(ModelError, match="has no --width"):
        architecture(f"{file}:tiny").build((8, 8, 1), 2, 0.5)
