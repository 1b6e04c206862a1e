# SPDX-License-Identifier: Apache-2.0
"""A window is found in training images of 12 bits, and every step after that sees pictures through it."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from edgecnn.cli.export import command as export_command
from edgecnn.cli.predict import command as predict_command
from edgecnn.compiler.ir import Window
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.data.images import load_image
from edgecnn.errors import ModelError
from edgecnn.pipeline.benchmark import benchmark
from edgecnn.pipeline.compress import compress
from edgecnn.pipeline.evaluate import Timing
from edgecnn.pipeline.export import ExportOptions, export
from edgecnn.pipeline.predict import predict
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.options import TrainOptions
from edgecnn.pipeline.train import train
from edgecnn.pipeline.verify import verify
from edgecnn.progress import silent
from edgecnn.runtime.tflite import TfliteModel

ASSETS = Path(__file__).parents[1] / "assets"
WINDOW = Window(1000, 1239)


@pytest.fixture(scope="module")
def twelve_bits(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The patterns of other tests, as a scanner would save them: 1,000 is black."""
    folder = tmp_path_factory.mktemp("data") / "ct"
    for path in images.rglob("*.png"):
        pixels = np.asarray(Image.open(path)).astype(np.uint16) + 1000
        pixels[0, :2] = WINDOW
        copy = folder / path.relative_to(images)
        copy.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(copy)
    return folder


@pytest.fixture(scope="module")
def run(twelve_bits: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    options = TrainOptions(data=twelve_bits, model="cainvas", epochs=5, batch_size=8, seed=1)
    run = train(tmp_path_factory.mktemp("runs") / "ct", options, silent)
    assert run is not None
    compress(run.path, None, silent)
    return run


def test_the_window_is_recorded_said_and_in_every_file(run: Run) -> None:
    assert run.window() == WINDOW
    assert run.record()["train"]["window"] == "needed"
    assert run.metrics().data["window"] == "1000:1239"
    for path in (*run.variants().values(), run.int8_model):
        assert read_model(path).window == WINDOW
    for file in (run.report_file, run.model_card_file):
        assert "upper bytes would leave 2 of 256 grey values" in file.read_text(encoding="utf-8")
    assert run.metrics()["float32"].scores.quality > 0.5  # chance is a third


def test_predict_benchmark_and_verify_see_the_same_bytes(run: Run, twelve_bits: Path) -> None:
    paths = sorted(twelve_bits.rglob("*.png"))[::5]
    images = np.stack([load_image(path, 64, 64, 1, window=WINDOW) for path in paths])
    assert len(np.unique(images)) > 100
    model = TfliteModel(run.int8_model, kernels="reference")
    expected = model.classify(images)
    answer = predict(run.path, paths)
    assert np.allclose([one.probabilities for one in answer.predictions], expected)
    evaluation = benchmark([run.path], twelve_bits, Timing(1, 1), silent)
    assert evaluation.metrics.data["window"] == "1000:1239"
    for variant in run.metrics().variants:
        assert evaluation.metrics[variant.name].scores.quality == variant.scores.quality


@pytest.mark.needs_tool("gcc", package="gcc")
def test_verify_runs_the_c_on_what_the_window_shows(
    run: Run, twelve_bits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def watched(*arguments: object, **options: object) -> object:
        seen.append(load_image(*arguments, **options))  # type: ignore[arg-type]
        return seen[-1]

    monkeypatch.setattr("edgecnn.pipeline.verify.compiled.load_image", watched)
    assert verify(run.int8_model, "c99", twelve_bits / "plain").bytes_different == 0
    assert len(np.unique(np.stack(seen))) > 50


def test_another_window_may_be_asked_for_and_files_without_one_ask_for_it(
    run: Run, twelve_bits: Path
) -> None:
    picture = sorted((twelve_bits / "bars").iterdir())[0]
    tiny = ASSETS / "tiny_int8.tflite"
    done = CliRunner().invoke(predict_command, [str(tiny), str(picture)])
    assert done.exit_code == 1
    assert "its values are 1,000 to 1,239; which of them" in done.stderr
    model = TfliteModel(tiny, kernels="reference")
    for choice, window in (
        ("1000:1100", Window(1000, 1100)),
        ("auto", WINDOW),
        ("0:65535", Window(0, 65535)),
    ):
        done = CliRunner().invoke(predict_command, [str(tiny), str(picture), "--window", choice, "--json"])
        [found] = json.loads(done.stdout)["predictions"]
        expected = model.predict(load_image(picture, 12, 12, 1, window=window)[None])[0]
        assert found["probabilities"] == pytest.approx(expected)


def test_benchmark_refuses_models_of_different_windows(run: Run, twelve_bits: Path, tmp_path: Path) -> None:
    [other, _] = export(run.variant("float32"), tmp_path, ExportOptions(("tflite",), "other"), silent).files
    content = other.read_bytes().replace(b"1000:1239", b"1000:1240")
    other.write_bytes(content)
    with pytest.raises(ModelError, match=r"trained with window 1000:1240, the first model with 1000:1239"):
        benchmark([run.int8_model, other], twelve_bits, Timing(1, 1), silent)


def test_export_takes_the_window_along_into_the_c(run: Run, tmp_path: Path) -> None:
    written = export(run.path, tmp_path, ExportOptions(("tflite", "c"), "ct"), silent).files
    assert read_model(written[0]).window == WINDOW
    header = (tmp_path / "ct_preprocess.h").read_text()
    assert "#define EDGECNN_ct_WINDOW_LOW (1000)" in header.replace("EDGECNN_CT", "EDGECNN_ct")
    assert "EDGECNN_CT_GREY16_LE" in header


def test_export_of_a_file_without_a_window_takes_the_one_that_is_given(tmp_path: Path) -> None:
    arguments = [str(ASSETS / "tiny_int8.tflite"), "--out", str(tmp_path / "out"), "--name", "ct"]
    assert CliRunner().invoke(export_command, [*arguments, "--window", "-1024:3071"]).exit_code == 0
    made = tmp_path / "out" / "ct.tflite"
    assert read_model(made).window == Window(-1024, 3071)
    values = np.zeros((1, 12, 12, 1), np.int8)
    same = TfliteModel(ASSETS / "tiny_int8.tflite").invoke(values)
    np.testing.assert_array_equal(TfliteModel(made).invoke(values), same)
    with pytest.raises(ModelError, match="was trained with window -1024:3071, not 0:4095"):
        export(made, tmp_path / "again", ExportOptions(("tflite",)), silent, window="0:4095")


def test_export_of_a_float_model_finds_it_in_the_images(run: Run, twelve_bits: Path, tmp_path: Path) -> None:
    made = export(run.keras_model, tmp_path, ExportOptions(("tflite",), "ct"), silent, data=twelve_bits).files
    assert read_model(made[0]).window == WINDOW


def test_the_window_is_an_option_that_a_resumed_training_keeps(run: Run, twelve_bits: Path) -> None:
    from edgecnn.pipeline.run.options import resumed_training

    assert resumed_training(run.path, {}).window == "needed"
    assert resumed_training(run.path, {"window": "0:4095"}).window == "0:4095"
