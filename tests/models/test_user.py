# SPDX-License-Identifier: Apache-2.0
"""A person's own network, from a Python file or a saved model."""

from pathlib import Path

import keras as keras3
import pytest

from edgecnn.errors import ModelError
from edgecnn.models import architecture
from edgecnn.tf import keras

SOURCE = """
from edgecnn.tf import keras

def tiny(input_shape, classes):
    flat = keras.layers.Flatten()(image := keras.Input(input_shape))
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(flat))

def wrong(input_shape, classes):
    return 3

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
def test_a_model_of_keras_3_says_what_to_do(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"saved.{suffix}"
    layers = keras3.layers
    keras3.Sequential([keras3.Input((5, 4, 1)), layers.Flatten(), layers.Dense(2)]).save(path)
    with pytest.raises(ModelError, match=r"is of Keras 3\..* save it again, or give FILE.py:FUNCTION; to "):
        architecture(str(path))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{file}:none", "has no function none"),
        ("{file}x.py:tiny", "there is no file"),
        ("{file}:wrong", "returned no Keras model with the input shape"),
        ("{file}:fails", "fails with ValueError: no such thing"),
        ("{file}.keras", "there is no file"),
    ],
)
def test_what_is_no_network_is_refused(file: Path, name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        architecture(name.format(file=file)).build((8, 8, 1), 2, 1)
    with pytest.raises(ModelError, match="has no --width"):
        architecture(f"{file}:tiny").build((8, 8, 1), 2, 0.5)
