# SPDX-License-Identifier: Apache-2.0
"""Models of other people's making: Keras 2, Keras 3, SavedModel; and files that hold code."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras as keras3
import numpy as np
import pytest

from edgecnn.compiler.reading.tflite import parse
from edgecnn.converters.keras_file import load_float_model
from edgecnn.converters.keras_to_tflite import keras_to_float32, keras_to_int8
from edgecnn.errors import ModelError
from edgecnn.tf import keras as keras2
from edgecnn.tf import quiet, tf

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 8, 10, 3)).astype(np.uint8)


def _model(keras: Any) -> Any:
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 10, 3)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )


def _save(kind: str, folder: Path) -> tuple[Path, Any]:
    model = _model(keras3 if kind.startswith("keras3") else keras2)
    path = (
        folder
        / {"keras2": "a.keras", "h5": "a.h5", "keras3": "b.keras", "keras3h5": "b.h5", "saved": "dir"}[kind]
    )
    with quiet():
        if kind == "saved":
            tf.saved_model.save(model, path)
        else:
            model.save(path)
    return path, model


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["keras2", "h5", "keras3", "keras3h5", "saved"])
def test_every_form_is_loaded_and_converted(kind: str, tmp_path: Path) -> None:
    path, model = _save(kind, tmp_path)
    loaded = load_float_model(path)
    assert (loaded.input_shape, loaded.output_shape) == ((None, 8, 10, 3), (None, 2))
    image = IMAGES[:1] / np.float32(255)
    np.testing.assert_allclose(np.array(loaded(image)), np.array(model(image)), atol=1e-6)
    assert parse(keras_to_float32(loaded)).operators[0].op == "CONV_2D"
    graph = parse(keras_to_int8(loaded, IMAGES))
    assert {graph.tensors[i].dtype for i in (*graph.inputs, *graph.outputs)} == {"int8"}


@pytest.mark.parametrize("keras", [keras2, keras3])
def test_two_inputs_are_refused(keras: Any, tmp_path: Path) -> None:
    images = [keras.Input((8, 10, 3)) for _ in range(2)]
    keras.Model(images, keras.layers.Concatenate()(images)).save(tmp_path / "two.keras")
    with pytest.raises(ModelError, match=r"two\.keras has 2 inputs and 1 outputs, not one of each"):
        load_float_model(tmp_path / "two.keras")


def test_what_cannot_be_converted_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    image = keras2.Input((8, 10, 3))
    model = keras2.Model(image, keras2.layers.Lambda(lambda x: tf.math.betainc(x + 1, x + 1, x))(image))
    with pytest.raises(ModelError, match=r"TensorFlow can't convert this model to TFLite: .*Betainc"):
        keras_to_float32(model)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["evil.keras", "evil.h5"])
@pytest.mark.parametrize("keras", [keras2, keras3], ids=["keras2", "keras3"])
def test_code_in_a_file_is_not_run(name: str, keras: Any, tmp_path: Path) -> None:
    marker = str(tmp_path / "ran")
    with quiet():
        model = keras.Sequential(
            [keras.Input((8, 8, 1)), keras.layers.Lambda(lambda x, path=marker: (Path(path).touch(), x)[1])]
        )
        model.save(tmp_path / name)
    (tmp_path / "ran").unlink(missing_ok=True)
    with pytest.raises(ModelError, match="Lambda"):
        load_float_model(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.keras", None, "there is no"),
        ("broken.keras", b"PK\x03\x04nonsense", "can't be loaded as a Keras model"),
        ("broken.h5", b"nonsense", "can't be loaded as a Keras model"),
        ("model.pt", b"", "is none of: a run, a .keras, .h5, .onnx or .tflite file"),
        ("folder/x", b"", "neither a run .* nor a SavedModel"),
    ],
)
def test_what_is_no_model_is_named(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load_float_model(path.parent if name.startswith("folder") else path)


def test_a_model_that_takes_no_image_is_refused(tmp_path: Path) -> None:
    keras2.Sequential([keras2.Input((8,)), keras2.layers.Dense(2)]).save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match=r"takes an input of shape \(None, 8\); it must be one image"):
        load_float_model(tmp_path / "m.keras")


def test_layers_of_edgecnn_are_known(tmp_path: Path) -> None:
    """In a process of its own, where nothing else has made Keras know them."""
    save = "from edgecnn.models import architecture; "
    save += "architecture('cbam').build((32, 32, 3), 2, 0.1).save('cbam.keras')"
    load = "from pathlib import Path; from edgecnn.converters.keras_file import load_float_model; "
    load += "print(load_float_model(Path('cbam.keras')).output_shape)"
    for code in (save, load):
        run = [sys.executable, "-c", code]
        done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(None, 1)"
