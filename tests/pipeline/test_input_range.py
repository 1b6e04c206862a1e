# SPDX-License-Identifier: Apache-2.0
"""What a picture is to a network is found in it, or said by --input-range, or by --mean and --std."""

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tflite_builder import Builder

from edgecnn.cli.program import edgecnn
from edgecnn.compiler.ir import Normalization
from edgecnn.compiler.picture import UNIT, of_range, parse_normalization
from edgecnn.compiler.reading.tflite import parse, read_model
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.converters.keras_to_tflite import keras_to_float32
from edgecnn.converters.tflite_metadata import add_metadata
from edgecnn.errors import ModelError
from edgecnn.models import architecture
from edgecnn.pipeline.export import Exported, ExportOptions, export
from edgecnn.pipeline.predict import Classifier
from edgecnn.progress import silent
from edgecnn.runtime.tflite import TfliteModel
from edgecnn.tf import keras, quiet, tf

SIDE = 8
# The mean of a channel, and what it is divided by, as fractions of white.
MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.3)


@pytest.fixture(scope="module")
def tints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return noise that is redder than it is blue, each against its mean, or the other way."""
    folder, draw = tmp_path_factory.mktemp("tints"), np.random.default_rng(0)
    for number in range(30):
        for label, sign in (("blue", -1), ("red", 1)):
            (folder / label).mkdir(exist_ok=True)
            colour = np.array(MEAN) + sign * 0.12 * np.array([1, 0, -1])
            pixels = 255 * colour + draw.integers(-30, 30, (SIDE, SIDE, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / label / f"{number}.png")
    return folder


def network(normalization: Normalization) -> Any:
    """Return a network that tells red from blue in pictures which are normalized so."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.Conv2D(3, 3, padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    taps = np.zeros((3, 3, 3, 3))
    taps[1, 1] = np.eye(3)
    mean, deviation = (np.broadcast_to(np.array(values), 3) for values in normalization)
    bias = (mean - 255 * np.array(MEAN)) / deviation  # so that the means of the pictures become 0
    model.layers[0].set_weights([taps, bias])
    steep = 12 * deviation / 255
    model.layers[-1].set_weights([np.outer(steep * [1, 0, -1], [-1, 1]), np.zeros(2)])
    return model


def as_keras(model: Any, path: Path) -> Path:
    model.save(path / "mine.keras")
    return path / "mine.keras"


def as_saved_model(model: Any, path: Path) -> Path:
    with quiet():
        tf.saved_model.save(model, path / "saved")
    return path / "saved"


def as_tflite(model: Any, path: Path) -> Path:
    (path / "mine.tflite").write_bytes(keras_to_float32(model))
    return path / "mine.tflite"


RANGES = {
    "-1:1": ({"input_range": "-1:1"}, of_range(-1, 1)),
    "0:255": ({"input_range": "0:255"}, of_range(0, 255)),
    "mean": (
        {"mean": "0.5,0.4,0.3", "std": "0.25,0.2,0.3"},
        Normalization((127.5, 102.0, 76.5), (63.75, 51.0, 76.5)),
    ),
}


def exported(source: Path, data: Path | None, folder: Path, **said: str) -> Exported:
    return export(source, folder / "out", ExportOptions(("tflite",), "mine", **said), silent, data=data)


@pytest.mark.parametrize(
    ("said", "form"),
    [
        ("-1:1", as_keras),
        ("0:255", as_tflite),
        ("mean", as_keras),
        ("mean", as_saved_model),
        ("mean", as_tflite),
    ],
)
def test_a_float_network_is_given_what_is_said(
    said: str, form: Callable[[Any, Path], Path], tints: Path, tmp_path: Path
) -> None:
    options, normalization = RANGES[said]
    source = form(network(normalization), tmp_path)
    done = exported(source, tints, tmp_path, **options)
    assert done.check
    assert dict(done.check.scores) == {"float32": 1.0, "int8": 1.0}
    graph = read_model(done.files[0])
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert quantization
    assert (quantization.scale, quantization.zero_point) == (np.float32(1 / 255), -128)
    assert graph.normalization == UNIT


def test_metadata_of_a_float_file_are_as_good_as_an_option(tints: Path, tmp_path: Path) -> None:
    _, normalization = RANGES["mean"]
    said = add_metadata(keras_to_float32(network(normalization)), "", "", normalization=normalization)
    (tmp_path / "mine.tflite").write_bytes(said)
    done = exported(tmp_path / "mine.tflite", tints, tmp_path)
    assert done.check
    assert dict(done.check.scores) == {"float32": 1.0, "int8": 1.0}


def test_a_quantized_file_keeps_what_is_said(tints: Path, tmp_path: Path) -> None:
    """It says of itself no known range, as a network normalized by mean and deviation does."""
    options, normalization = RANGES["mean"]
    builder = Builder()
    image = builder.input((1, SIDE, SIDE, 3), 0.02, 0)
    graph = parse(builder.build((image,), (builder.fully_connected(image, 2),)))
    written_by_tensorflow = (("min_runtime_version", b"1.5.0"), ("CONVERSION_METADATA", b"\0"))
    source = tmp_path / "quantized.tflite"
    source.write_bytes(tflite_bytes(replace(graph, metadata=written_by_tensorflow)))
    with pytest.raises(ModelError, match="which is no range that pictures are known by"):
        Classifier(source).predict(tints / "red" / "0.png")
    [written, *_] = exported(source, None, tmp_path, **options).files
    said = read_model(written).normalization
    assert said
    np.testing.assert_allclose(said, normalization)
    pixels = np.full((1, SIDE, SIDE, 3), 200, np.uint8)
    values = TfliteModel(written).values(pixels)[0, 0, 0]
    assert values.tolist() == [round((200 - m) / d / 0.02) for m, d in zip(*normalization, strict=True)]
    assert (
        exported(written, None, tmp_path / "again", **options).files[0].read_bytes() == written.read_bytes()
    )
    with pytest.raises(ModelError, match=r"carries metadata already, by which a pixel is \(byte - 127.5\)"):
        exported(written, None, tmp_path / "other", input_range="0:1")


def test_what_is_said_once_may_be_said_again(tmp_path: Path) -> None:
    """Torchvision's numbers, of which no float32 is exactly one."""
    said = {"mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"}
    builder = Builder()
    image = builder.input((1, SIDE, SIDE, 3), 0.02, 0)
    (tmp_path / "a.tflite").write_bytes(builder.build((image,), (builder.fully_connected(image, 2),)))
    [once, *_] = exported(tmp_path / "a.tflite", None, tmp_path, **said).files
    [twice, *_] = exported(once, None, tmp_path / "again", **said).files
    assert twice.read_bytes() == once.read_bytes()


def test_a_network_of_ones_own_learns_from_what_is_said(tmp_path: Path) -> None:
    _, normalization = RANGES["mean"]
    source = as_keras(network(normalization), tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE, 3)).astype(np.float32)
    expected = keras.models.load_model(source)((pixels - normalization.mean) / normalization.deviation)
    model = architecture(str(source), normalization=normalization).build((SIDE, SIDE, 3), 2, 1.0)
    np.testing.assert_allclose(model(pixels / 255), expected, atol=1e-5)


@pytest.mark.study
def test_the_commands_of_the_page(tints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a byte is to each of the three networks that docs/models.md exports."""
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    [part] = [part for part in page.split("\n## ") if part.startswith("What a picture is")]
    commands = re.findall(r"^\$ edgecnn (.*)$", part, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").symlink_to(tints)
    as_keras(network(of_range(-1, 1)), tmp_path).rename("net.keras")
    builder = Builder()
    image = builder.input((1, SIDE, SIDE, 3), 1 / 127.5, -1)
    content = builder.build((image,), (builder.fully_connected(image, 2),))
    Path("quantized.tflite").write_bytes(content)
    for command in commands:
        edgecnn.main(shlex.split(command), standalone_mode=False)
    assert "(uint8_t byte, int x)\n{\n    (void)x;\n    return (int8_t)(byte - 128);" in (
        Path("firmware3/model_int8_preprocess.c").read_text()
    )
    assert Path("firmware/model_int8.tflite").read_bytes() != Path("firmware2/model_int8.tflite").read_bytes()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("1:0", "", ""), "--input-range 1:0 is not LOW:HIGH; give what black and white are, such as -1:1"),
        (("0-255", "", ""), "--input-range 0-255 is not LOW:HIGH"),
        (("nan:1", "", ""), "--input-range nan:1 is not LOW:HIGH"),
        (("0:1", "0.5", "0.5"), "say the same in two ways; give one of them"),
        (("", "0.5", ""), "--mean and --std go together"),
        (("", "0.5,0.5", "0.5"), "--mean 0.5,0.5 is neither one number nor R,G,B"),
        (("", "a", "0.5"), "--mean a is neither one number nor R,G,B"),
        (("", "0.5", "0.2,0.2,0.2"), "--mean has 1 numbers and --std 3; give as many of each"),
        (("", "0.5", "0"), "--std 0 has a number that isn't above 0"),
        (("", "123.68,116.78,103.94", "58.4,57.1,57.4"), "divide both .* by 255 .--mean 0.485,0.458,0.4076"),
    ],
)
def test_what_says_no_range_is_refused(options: tuple[str, str, str], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        parse_normalization(*options)


def test_what_takes_0_to_1_or_other_channels_is_refused(tints: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match='model "cainvas" takes 0 to 1: leave out --input-range'):
        architecture("cainvas", normalization=of_range(-1, 1))
    grey = keras.Sequential([keras.Input((SIDE, SIDE, 1)), keras.layers.Conv2D(1, 3)])
    for form in (as_keras, as_saved_model, as_tflite):
        (tmp_path / form.__name__).mkdir()
        source = form(grey, tmp_path / form.__name__)
        with pytest.raises(ModelError, match="takes pictures of 1 channels, but --mean and --std have 3"):
            exported(source, tints, tmp_path, mean="0.5,0.5,0.5", std="0.2,0.2,0.2")
