# SPDX-License-Identifier: Apache-2.0
"""`edgecnn predict` on tiny, untrained models: what it prints, takes and refuses."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from edgecnn import DISCLAIMER
from edgecnn.cli.predict import command
from edgecnn.converters.tflite_metadata import add_metadata
from edgecnn.data.images import load_image
from edgecnn.errors import MissingToolError, ModelError, RunError
from edgecnn.pipeline.predict import Prediction
from edgecnn.runtime.tflite import TfliteModel

ASSETS = Path(__file__).parents[1] / "assets"
INT8, FLOAT = ASSETS / "tiny_int8.tflite", ASSETS / "tiny_float32.tflite"
try:
    TfliteModel(INT8)
except MissingToolError:
    pytest.skip("needs a TFLite runtime: edgecnn[runtime]", allow_module_level=True)


@pytest.fixture
def pictures(tmp_path):
    generator = np.random.default_rng(1)
    paths = []
    for index, shape in enumerate([(40, 30), (12, 12, 3), (9, 50)]):
        paths.append(tmp_path / f"picture{index}.png")
        Image.fromarray(generator.integers(0, 256, shape, dtype=np.uint8)).save(paths[-1])
    return paths


def run(*arguments):
    return (
        CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False).stdout
    )


def test_json_is_what_the_model_says_of_each_picture(pictures):
    found = json.loads(run(INT8, *pictures, "--json"))
    assert found["labels"] == ["class 0", "class 1", "class 2"]
    assert found["note"] == DISCLAIMER
    model = TfliteModel(INT8, kernels="reference")
    for path, prediction in zip(pictures, found["predictions"], strict=True):
        answer = model.predict(load_image(path, 12, 12, 1)[None])[0]
        assert prediction["image"] == str(path)
        assert prediction["probabilities"] == pytest.approx(answer)
        assert prediction["probability"] == pytest.approx(answer.max())
        assert prediction["label"] == f"class {answer.argmax()}"


def test_text_names_each_picture_and_ends_with_the_disclaimer(pictures):
    lines = run(INT8, *pictures).splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [str(path) for path in pictures]
    assert all(line.split()[3].endswith("%") for line in lines[:-1])
    assert lines[-1] == DISCLAIMER


def test_an_answer_that_is_all_but_a_tie_says_so():
    labels = ("a", "b", "c")
    close, clear = (Prediction(Path("x"), "b", p[1], p) for p in ((0.47, 0.5, 0.03), (0.3, 0.6, 0.1)))
    assert close.runner_up(labels) == ("a", 0.47)
    assert clear.runner_up(labels) is None


def test_a_run_gives_its_int8_model_and_its_labels(tmp_path, pictures):
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(RunError, match="holds no model_int8"):
        run(folder, pictures[0])
    shutil.copy(FLOAT, folder / "model_float32.tflite")
    (folder / "labels.txt").write_text("benign\nmalignant\nnormal\n")
    assert json.loads(run(folder, pictures[0], "--json"))["model"].endswith("model_float32.tflite")
    shutil.copy(INT8, folder / "model_int8.tflite")
    found = json.loads(run(folder, pictures[0], "--json"))
    assert found["model"].endswith("model_int8.tflite")
    assert found["labels"] == ["benign", "malignant", "normal"]


def test_labels_come_from_the_metadata_where_no_file_is_beside(tmp_path, pictures):
    path = tmp_path / "mine.tflite"
    path.write_bytes(add_metadata(INT8.read_bytes(), "mine", "", ["a", "b", "c"]))
    assert json.loads(run(path, pictures[0], "--json"))["labels"] == ["a", "b", "c"]
    path.write_bytes(add_metadata(INT8.read_bytes(), "mine", "", ["a", "b"]))
    with pytest.raises(ModelError, match="has 2 labels, but the model tells 3 classes apart"):
        run(path, pictures[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("b\xe9nin\nb\nc\n".encode("latin-1"), "is not text in UTF-8: byte 1"),
        ("a\nb\nc\n".encode("utf-16-le"), "is not text in UTF-8: it has zero bytes; save it as UTF-8"),
        ("a\nb\nc\n".encode("utf-16"), "is not text in UTF-8: byte 0"),
    ],
)
def test_labels_that_are_no_utf_8_are_named_as_such(tmp_path, pictures, content, message):
    shutil.copy(INT8, tmp_path / "model.tflite")
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        run(tmp_path / "model.tflite", pictures[0])
    (tmp_path / "labels.txt").write_text("a\nb\nc\n", encoding="utf-8-sig")
    assert json.loads(run(tmp_path / "model.tflite", pictures[0], "--json"))["labels"] == ["a", "b", "c"]


def test_pictures_that_are_none_are_named_and_the_others_answered(tmp_path, pictures):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    bad = [broken, tmp_path, tmp_path / "absent.png"]
    given = [str(path) for path in (INT8, bad[0], *pictures, *bad[1:])]
    done = CliRunner().invoke(command, given)
    assert done.exit_code == 1
    assert done.stdout == run(INT8, *pictures)
    errors = done.stderr.splitlines()
    assert [line.startswith(f"Error: {path}") for line, path in zip(errors, bad, strict=True)] == [True] * 3
    done = CliRunner().invoke(command, [*given, "--json"])
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found.pop("unreadable") == [
        {"file": str(path), "reason": line.removeprefix("Error: ")}
        for path, line in zip(bad, errors, strict=True)
    ]
    assert {**found, "unreadable": []} == json.loads(run(INT8, *pictures, "--json"))


def test_where_no_picture_is_one_there_is_no_answer(tmp_path):
    done = CliRunner().invoke(command, [str(INT8), str(tmp_path)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {tmp_path} can't be read: it is a folder")


def test_a_model_that_is_none_is_named(tmp_path, pictures):
    with pytest.raises(ModelError, match=r"picture0\.png"):
        run(pictures[0], pictures[0])
    with pytest.raises(ModelError, match=r"absent\.tflite"):
        run(tmp_path / "absent.tflite", pictures[0])


def test_a_batch_is_refused(pictures, monkeypatch):
    class Batch(TfliteModel):
        """The tiny model, as it were for four pictures at once."""

        def __init__(self, path, **options):
            super().__init__(path, **options)
            self.input = dataclasses.replace(self.input, shape=(4, 12, 12, 1))

    monkeypatch.setattr("edgecnn.pipeline.predict.TfliteModel", Batch)
    with pytest.raises(ModelError, match=r"maps \[4, 12, 12, 1\] to .* maps \[1, height, width, 1 or 3\]"):
        run(INT8, pictures[0])


@pytest.mark.parametrize(("value", "label", "probability"), [(0.9, "malignant", 0.9), (0.2, "benign", 0.8)])
def test_one_sigmoid_tells_two_classes_apart(tmp_path, pictures, monkeypatch, value, label, probability):
    class Sigmoid(TfliteModel):
        """The tiny model, with its answer replaced."""

        def __init__(self, path, **options):
            super().__init__(path, **options)
            self.output = dataclasses.replace(self.output, shape=(1, 1))

        def predict(self, images):
            return np.full((len(images), 1), value, np.float32)

    monkeypatch.setattr("edgecnn.pipeline.predict.TfliteModel", Sigmoid)
    path = tmp_path / "mine.tflite"
    path.write_bytes(add_metadata(INT8.read_bytes(), "mine", "", ["benign", "malignant"]))
    (found,) = json.loads(run(path, pictures[0], "--json"))["predictions"]
    assert (found["label"], found["probability"]) == (label, pytest.approx(probability))


def test_masks_are_refused_of_a_classifier(pictures, tmp_path):
    with pytest.raises(ModelError, match="answers with classes and has no masks to write"):
        run(INT8, *pictures, "--masks", tmp_path / "masks")
