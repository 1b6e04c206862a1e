# SPDX-License-Identifier: Apache-2.0
"""How pictures are fitted, and the order of their channels, is said once and kept everywhere."""

import shlex
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgecnn.cli.program import edgecnn
from edgecnn.compiler.ir import SQUASHED, Fitting
from edgecnn.compiler.reading.tflite import parse, read_model
from edgecnn.converters.keras_to_tflite import keras_to_float32, keras_to_int8
from edgecnn.converters.tflite_metadata import add_fitting
from edgecnn.data.images import decode, fit_image
from edgecnn.errors import ModelError
from edgecnn.pipeline.benchmark import benchmark, load_test_images
from edgecnn.pipeline.compress import compress
from edgecnn.pipeline.evaluate import Timing
from edgecnn.pipeline.export import Exported, ExportOptions, export
from edgecnn.pipeline.predict import predict
from edgecnn.pipeline.run.options import TrainOptions
from edgecnn.pipeline.train import train
from edgecnn.pipeline.verify import verify
from edgecnn.progress import silent
from edgecnn.runtime.tflite import TfliteModel
from edgecnn.tf import keras, quiet, tf

pytestmark = pytest.mark.slow(seconds=45)
SIDE = 8
ON_DEVICE = Path(__file__).parents[2] / "benchmarks" / "on_device.py"


@pytest.fixture(scope="module")
def tints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return wide pictures that are blue or red in the middle, and the other colour at both ends."""
    folder, draw = tmp_path_factory.mktemp("tints"), np.random.default_rng(0)
    for number in range(16):
        for label, channel in (("blue", 2), ("red", 0)):
            (folder / label).mkdir(exist_ok=True)
            pixels = draw.integers(0, 60, (SIDE, 4 * SIDE, 3))
            pixels[..., 2 - channel] += 120
            pixels[:, 3 * SIDE // 2 : 5 * SIDE // 2] = draw.integers(0, 60, (SIDE, SIDE, 3))
            pixels[:, 3 * SIDE // 2 : 5 * SIDE // 2, channel] += 120
            Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"{number}.png")
    return folder


def network(order: str, low: float = 0.0, high: float = 1.0) -> Any:
    """Return a network of `low` to `high` that tells red from blue in pictures of that order of channels."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.Conv2D(2, 1, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    red_first = np.array([[-1, 1], [0, 0], [1, -1]])[:: 1 if order == "RGB" else -1] / (high - low)
    model.set_weights([red_first[None, None], -low * red_first.sum(axis=0), 40 * np.eye(2), np.zeros(2)])
    return model


def written(form: str, model: Any, folder: Path) -> Path:
    source = folder / {"keras": "net.keras", "saved": "saved"}.get(form, "net.tflite")
    if form == "keras":
        model.save(source)
    elif form == "saved":
        with quiet():
            tf.saved_model.save(model, source)
    else:
        images = np.random.default_rng(0).integers(0, 256, (20, SIDE, SIDE, 3), np.uint8)
        source.write_bytes(keras_to_float32(model) if form == "float" else keras_to_int8(model, images))
    return source


def exported(source: Path, data: Path, folder: Path, **said: Any) -> Exported:
    return export(source, folder / "out", ExportOptions(("tflite", "c"), "mine", **said), silent, data=data)


@pytest.mark.parametrize("form", ["keras", "saved", "float", "int8"])
def test_blue_green_red_and_the_middle_are_seen_by_every_form(form: str, tints: Path, tmp_path: Path) -> None:
    source = written(form, network("BGR"), tmp_path)
    said = {"fit": "crop", "resize": "bilinear", "channels_order": "BGR"}
    done = exported(source, tints, tmp_path, **said)
    assert done.check
    assert set(done.check.scores.values()) == {1.0}
    graph = read_model(tmp_path / "out" / "mine.tflite")
    assert graph.fitting == Fitting("crop", "bilinear", "BGR" if form == "int8" else "RGB")
    if form == "keras":  # folded into the first convolution
        assert [operator.op for operator in graph.operators][:2] == ["CONV_2D", "MEAN"]
    labels = [
        found.label
        for found in predict(tmp_path / "out" / "mine.tflite", sorted(tints.rglob("*.png"))).predictions
    ]
    expected = ["class 0"] * 16 + ["class 1"] * 16 if form == "int8" else ["blue"] * 16 + ["red"] * 16
    assert labels == expected
    wrong = exported(source, tints, tmp_path, fit="crop")
    assert wrong.check
    assert max(wrong.check.scores.values()) == 0.0


def test_a_range_and_an_order_go_together(tints: Path, tmp_path: Path) -> None:
    for form in ("keras", "float"):
        source = written(form, network("BGR", -1.0, 1.0), tmp_path)
        done = exported(source, tints, tmp_path, fit="crop", channels_order="BGR", input_range="-1:1")
        assert done.check
        assert set(done.check.scores.values()) == {1.0}


def test_a_mean_of_red_green_blue_is_turned_for_blue_green_red(tmp_path: Path, tints: Path) -> None:
    mean, std = np.array([0.5, 0.4, 0.3]), np.array([0.25, 0.2, 0.3])
    source = written("int8", network("BGR"), tmp_path)
    said = {"mean": ",".join(map(str, mean)), "std": ",".join(map(str, std)), "channels_order": "BGR"}
    exported(source, tints, tmp_path, **said)
    graph = parse((tmp_path / "out" / "mine.tflite").read_bytes())
    assert graph.normalization
    np.testing.assert_allclose(graph.normalization.mean, 255 * mean[::-1], rtol=1e-6)
    np.testing.assert_allclose(graph.normalization.deviation, 255 * std[::-1], rtol=1e-6)


def on_device() -> Any:
    spec = spec_from_file_location("on_device", ON_DEVICE)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "fitting", [Fitting("crop"), Fitting("pad", "bilinear"), Fitting("squash", "bilinear", "BGR")]
)
def test_python_the_script_verify_and_benchmark_see_the_same(
    fitting: Fitting, tints: Path, tmp_path: Path
) -> None:
    content = add_fitting(written("int8", network("RGB"), tmp_path).read_bytes(), fitting)
    (tmp_path / "net.tflite").write_bytes(content)
    paths = sorted(tints.rglob("*.png"))
    module = on_device()
    assert module.parse_fitting(tmp_path, module.read_entry(content, b"edgecnn_fitting")) == tuple(fitting)
    for path in paths[::9]:
        ours = fit_image(decode(path), SIDE, SIDE, 3, fitting)
        np.testing.assert_array_equal(module.load_image(path, SIDE, SIDE, 3, None, tuple(fitting)), ours)
        [answer] = predict(tmp_path / "net.tflite", [path]).predictions
        expected = TfliteModel(content, kernels="reference").classify(ours[np.newaxis])[0]
        np.testing.assert_array_equal(np.float32(answer.probabilities), expected)
    verified = verify(tmp_path / "net.tflite", "c99", tints)
    assert (verified.inputs, verified.bytes_different) == (len(paths), 0)
    metrics = benchmark([tmp_path / "net.tflite"], tints, Timing(1, 1), silent).metrics
    assert len({variant.scores.accuracy for variant in metrics.variants}) == 1
    test, _ = load_test_images([], {"net": tmp_path / "net.tflite"}, tints, silent, seed=0)
    colours = fitting._replace(order="RGB")  # which the script turns, as it does with files
    np.testing.assert_array_equal(test.images[0], fit_image(decode(test.paths[0]), SIDE, SIDE, 3, colours))


def test_what_a_file_says_of_fitting_and_isnt_known_is_refused(tmp_path: Path) -> None:
    content = written("int8", network("RGB"), tmp_path).read_bytes()
    strange = add_fitting(content, Fitting("zoom"))
    with pytest.raises(ModelError, match="how to fit pictures, but 'zoom,triangle,RGB' is no way"):
        parse(strange)
    module = on_device()
    with pytest.raises(module.BenchmarkError, match="doesn't know"):
        module.parse_fitting(tmp_path, module.read_entry(strange, b"edgecnn_fitting"))
    assert parse(content).fitting == SQUASHED


def test_a_run_keeps_how_it_was_trained(tints: Path, tmp_path: Path) -> None:
    network("BGR").save(tmp_path / "net.keras")
    options = TrainOptions(
        tints, str(tmp_path / "net.keras"), epochs=1, learning_rate=1e-6, fit="crop", resize="bilinear",
        channels_order="BGR",
    )  # fmt: skip
    run = train(tmp_path / "run", options, silent)
    assert run is not None
    assert run.metrics().variants[0].scores.accuracy == 1.0
    run = compress(run.path, None, silent)
    assert run.metrics().variants[-1].scores.accuracy == 1.0
    assert read_model(run.int8_model).fitting == run.fitting() == Fitting("crop", "bilinear")
    labels = [found.label for found in predict(run.path, sorted(tints.rglob("*.png"))).predictions]
    assert labels == ["blue"] * 16 + ["red"] * 16
    with pytest.raises(ModelError, match="trained with --fit crop and --resize bilinear: leave out"):
        exported(run.path, tints, tmp_path, fit="pad")
    done = exported(run.path, tints, tmp_path)
    assert done.check
    assert dict(done.check.scores) == {"float32": 1.0, "int8": 1.0}
    header = (tmp_path / "out" / "mine_preprocess.h").read_text()
    assert "#define EDGECNN_MINE_PREPROCESS_CROPS" in header
    assert "#define EDGECNN_MINE_PREPROCESS_BILINEAR" in header


def test_orders_of_other_networks_are_refused(tints: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match='model "cainvas" takes red, green, blue'):
        train(tmp_path / "run", TrainOptions(tints, "cainvas", channels_order="BGR"), silent)
    grey = keras.Sequential([keras.Input((SIDE, SIDE, 1)), keras.layers.Conv2D(1, 3)])
    for form in ("keras", "saved", "float", "int8"):
        (tmp_path / form).mkdir()
        source = tmp_path / form / "net.tflite"
        if form in ("keras", "saved"):
            source = written(form, grey, tmp_path / form)
        else:
            images = np.zeros((2, SIDE, SIDE, 1), np.uint8)
            source.write_bytes(keras_to_float32(grey) if form == "float" else keras_to_int8(grey, images))
        with pytest.raises(ModelError, match="1 channels, and blue, green, red are three"):
            exported(source, tints, tmp_path, channels_order="BGR")


@pytest.mark.study
def test_the_pages_commands_run(tints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    block = page.split("## How pictures are fitted")[1].split("```console\n")[1].split("```")[0]
    commands = [line.removeprefix("$ edgecnn ") for line in block.splitlines()]
    assert [command.split()[0] for command in commands] == ["export", "train"]
    monkeypatch.chdir(tmp_path)
    Path("photos").symlink_to(tints)
    network("BGR").save("net.keras")
    for command in commands:
        edgecnn.main(shlex.split(command), standalone_mode=False)
    assert read_model(Path("firmware6/model_int8.tflite")).fitting == Fitting("crop", "bilinear")
    assert read_model(Path("runs/cropped/model_float32.tflite")).fitting == Fitting("crop")
