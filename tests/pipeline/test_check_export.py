# SPDX-License-Identifier: Apache-2.0
"""Export measures a model on labelled images, and says what is wrong with its input, answers or int8."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from edgecnn.cli.export import command
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.converters.keras_to_tflite import keras_to_float32
from edgecnn.errors import DataError, ModelError
from edgecnn.pipeline.export import Exported, ExportOptions, export
from edgecnn.progress import silent
from edgecnn.tf import keras, keras3, quiet, tf

KERAS = {"keras2": keras, "keras3": keras3}
SIDE = 8
TINY = Path(__file__).parent.parent / "assets" / "tiny_int8.tflite"


@pytest.fixture(scope="module")
def lights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return dark and light pictures, and which half of each is lighter, as masks of others."""
    folder, draw = tmp_path_factory.mktemp("lights"), np.random.default_rng(0)
    for number in range(40):
        for label, least in (("dark", 0), ("light", 150)):
            (folder / label).mkdir(exist_ok=True)
            pixels = draw.integers(least, least + 100, (SIDE, SIDE)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return pictures of which a part is light, and masks of that part."""
    folder, draw = tmp_path_factory.mktemp("halves"), np.random.default_rng(0)
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    for number in range(20):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[: 2 + number % 3, : 1 + number % 4] = 255
        pixels = draw.integers(0, 60, mask.shape) + mask // 2
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / f"{number}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
    return folder


def network(of: Any, *first: Any, outputs: int = 2, last: str | None = "softmax", middle: float = 0.5) -> Any:
    """Return a network that tells light from dark pictures, light being what is above `middle` on average."""
    layers = of.layers
    model = of.Sequential(
        [
            of.Input((SIDE, SIDE, 1)),
            *first,
            layers.GlobalAveragePooling2D(),
            layers.Dense(outputs, activation=last),
        ]
    )
    steep = 8.0
    rows = [[steep]] if outputs == 1 else [[-steep, steep]]
    model.layers[-1].set_weights([np.array(rows), -middle * np.array(rows[0])])
    return model


def exported(model: Any, data: Path, folder: Path) -> Exported:
    if isinstance(model, keras3.Model | keras.Model):
        with quiet():
            model.save(folder / "mine.keras")
        source = folder / "mine.keras"
    else:
        source = folder / "mine.tflite"
        source.write_bytes(model)
    return export(source, folder / "out", ExportOptions(("tflite",), "mine"), silent, data=data)


def scores(done: Exported) -> dict[str, float]:
    assert done.check is not None
    return dict(done.check.scores)


@pytest.mark.parametrize("of", KERAS)
def test_a_network_made_for_bytes_answers_right(
    of: str, lights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    layers = KERAS[of].layers
    first = (
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.RandomFlip("horizontal"),
        layers.RandomContrast(0.1),
    )
    done = exported(network(KERAS[of], *first, middle=0.0), lights, tmp_path)
    assert scores(done) == {"float32": 1.0, "int8": 1.0}
    assert done.check
    assert done.check.warnings == []
    [random, scaled] = caplog.messages
    assert "RandomContrast" in random
    assert "bytes of 0 to 255 by" in scaled


@pytest.mark.parametrize(("outputs", "op"), [(2, "SOFTMAX"), (1, "LOGISTIC")])
@pytest.mark.parametrize("of", KERAS)
def test_logits_of_a_labelled_file_become_probabilities(
    of: str, outputs: int, op: str, lights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done = exported(network(KERAS[of], outputs=outputs, last=None), lights, tmp_path)
    assert read_model(done.files[0]).operators[-1].op == op
    assert "is added behind it" in caplog.text
    assert scores(done) == {"float32": 1.0, "int8": 1.0}


def test_logits_without_labels_are_told(
    lights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1)), keras.layers.Flatten(), keras.layers.Dense(5)])
    done = exported(model, lights, tmp_path)
    assert read_model(done.files[0]).operators[-1].op == "FULLY_CONNECTED"
    assert "if it tells classes apart, those are logits" in caplog.text
    assert done.check is None


@pytest.mark.parametrize("outputs", [2, 1])
def test_a_saved_model_is_told_by_what_it_answers(
    outputs: int, lights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = network(keras, outputs=outputs, last=None)
    with quiet():
        tf.saved_model.save(model, tmp_path / "saved")
    done = export(
        tmp_path / "saved", tmp_path / "out", ExportOptions(("tflite",), "mine"), silent, data=lights
    )
    assert scores(done) == {"float32": 1.0, "int8": 1.0}
    assert "answers with logits: a s" in caplog.text


def test_a_float_tflite_file_that_wants_bytes_answers_right(
    lights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scaled = network(keras, keras.layers.Rescaling(1 / 127.5, offset=-1), middle=0.0)
    done = exported(keras_to_float32(scaled), lights, tmp_path)
    assert scores(done) == {"float32": 1.0, "int8": 1.0}
    [note] = caplog.messages
    assert "scales bytes of 0 to 255 by" in note


def test_a_file_that_is_given_a_wrong_range_is_no_better_than_chance(lights: Path, tmp_path: Path) -> None:
    done = exported(keras_to_float32(network(keras, middle=128.0)), lights, tmp_path)
    assert scores(done) == {"float32": 0.5, "int8": 0.5}
    assert done.check
    [warning] = done.check.warnings
    assert warning.startswith("float32 and int8: no better than chance (50%) on these images")


@pytest.mark.parametrize(("outputs", "op"), [(2, "SOFTMAX"), (1, "LOGISTIC")])
def test_logits_of_a_float_tflite_file_become_probabilities(
    outputs: int, op: str, lights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logits = keras_to_float32(network(keras, outputs=outputs, last=None))
    done = exported(logits, lights, tmp_path)
    assert read_model(done.files[0]).operators[-1].op == op
    assert scores(done) == {"float32": 1.0, "int8": 1.0}
    [silent_range, note] = caplog.messages
    assert "doesn't tell which range its picture has; it is given 0 to 1" in silent_range
    assert "answers with logits: a s" in note


def test_logits_of_a_tflite_file_that_is_taken_as_it_is_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.tflite").write_bytes(keras_to_float32(network(keras, last=None)))
    export(tmp_path / "a.tflite", tmp_path / "out", ExportOptions(("tflite",)), silent)
    assert "answers by FULLY_CONNECTED: if it tells classes apart, those are logits" in caplog.text
    caplog.clear()
    export(TINY, tmp_path / "out", ExportOptions(("tflite",)), silent)
    assert caplog.messages == []


def test_masks_are_measured_by_their_overlap(halves: Path, tmp_path: Path) -> None:
    convolution = keras.layers.Conv2D(1, 1, activation="sigmoid")
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1)), convolution])
    convolution.set_weights([np.full((1, 1, 1, 1), 40.0), np.array([-40 * 0.35])])
    done = exported(model, halves, tmp_path)
    assert done.check
    assert done.check.figure == "Dice"
    assert min(scores(done).values()) > 0.95 > done.check.chance
    convolution.set_weights([np.full((1, 1, 1, 1), -40.0), np.array([40 * 0.35])])
    done = exported(model, halves, tmp_path)
    assert done.check
    assert "no better than chance" in done.check.warnings[0]


def test_float_and_int8_far_apart_are_told(lights: Path, tmp_path: Path) -> None:
    """Of a range that one far value makes wide, what tells light from dark is lost."""
    layers = keras.layers
    image = keras.Input((SIDE, SIDE, 1))
    mean = layers.GlobalAveragePooling2D()(image)
    wide = layers.Dense(2, name="wide")(mean)
    model = keras.Model(image, layers.Dense(2, activation="softmax", name="last")(wide))
    model.get_layer("wide").set_weights([np.array([[1e4, 1.0]]), np.array([0.0, -0.5])])
    model.get_layer("last").set_weights([np.array([[0.0, 0.0], [-8.0, 8.0]]), np.zeros(2)])
    done = exported(model, lights, tmp_path)
    assert scores(done)["float32"] == 1.0
    assert done.check
    assert any("points apart on these images" in warning for warning in done.check.warnings)


def test_the_command_prints_both_and_json_has_them(lights: Path, tmp_path: Path) -> None:
    network(keras).save(tmp_path / "mine.keras")
    asked = [str(tmp_path / "mine.keras"), "--data", str(lights), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(command, asked, catch_exceptions=False)
    known = f"the test part of {lights}, which it may have been trained on"
    assert f"balanced accuracy on 12 images ({known}): float32 100.0%, int8 100.0%" in done.stdout
    done = CliRunner().invoke(command, [*asked, "--json"], catch_exceptions=False)
    assert json.loads(done.stdout)["check"]["scores"] == {"float32": 1.0, "int8": 1.0}


@pytest.mark.parametrize(
    ("formats", "options", "message"),
    [
        (("c",), {"incbin": True}, "--incbin is of the C array: add --format c-array to c"),
        (("cmake",), {"incbin": True}, "--incbin is of the C array: add"),
        (
            ("tflite", "c-array"),
            {"target": "cortex-m4"},
            "--target cortex-m4 is of C that needs no interpreter",
        ),
        (
            ("web",),
            {"target": "cortex-m4"},
            "--target cortex-m4 is of C that needs no interpreter, not of web",
        ),
        (("tflm",), {"target": "cortex-m4"}, "not of tflm: leave it out, or choose --format c"),
    ],
)
def test_options_of_no_use_are_refused(
    formats: tuple[str, ...], options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=message):
        export(TINY, tmp_path / "out", ExportOptions(formats, "a", **options), silent)
    assert not (tmp_path / "out").exists()


def test_data_that_are_not_there_are_refused_for_what_is_int8_already(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent"):
        export(TINY, tmp_path / "out", ExportOptions(("tflite",), "a"), silent, data=tmp_path / "absent")
    assert not (tmp_path / "out").exists()
