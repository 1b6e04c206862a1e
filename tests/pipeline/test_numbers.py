# SPDX-License-Identifier: Apache-2.0
"""Windows of a sensor from one end to the other: train, compress, export, benchmark, predict, verify, C."""

import shlex
import subprocess
from argparse import Namespace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_networks import keras2, keras3
from windows import CHANNELS, CLASSES, LENGTH, windows, write_folder

from edgecnn.cli.program import edgecnn
from edgecnn.compiler.ir import Normalization, Window
from edgecnn.compiler.numbers import as_bytes, as_input, of_scale, seen_as
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.converters.keras_to_tflite import keras_to_float32
from edgecnn.converters.numbers_to_c import numbers_to_c
from edgecnn.errors import EdgecnnError, ModelError
from edgecnn.pipeline.benchmark import benchmark
from edgecnn.pipeline.compress import compress
from edgecnn.pipeline.evaluate import Timing
from edgecnn.pipeline.export import Exported, ExportOptions, export
from edgecnn.pipeline.predict import predict
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.options import FilterOptions, TrainOptions, map_of
from edgecnn.pipeline.train import train
from edgecnn.pipeline.verify import verify
from edgecnn.progress import silent
from edgecnn.runtime.tflite import TfliteModel
from edgecnn.tf import keras, tf

MEAN, DEVIATION = np.array([0.0, 0.0, 9.8]), np.array([0.7, 140.0, 0.05])
NET = """
def build(shape, classes):
    import keras
    layers = keras.layers
    return keras.Sequential([
        keras.Input(shape), layers.Conv1D(8, 5, padding="causal", activation="relu"), layers.MaxPooling1D(2),
        layers.SeparableConv1D(8, 3, activation="relu"), layers.GlobalAveragePooling1D(),
        layers.Dense(classes, activation="softmax"),
    ])
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a .npz file, and lay the same windows beside it as a folder of .npy files."""
    folder = tmp_path_factory.mktemp("windows")
    values, labels = windows(160)
    np.savez(folder / "data.npz", x=values, y=np.array(CLASSES)[labels])
    write_folder(folder / "folder", values, labels)
    return folder / "data.npz"


pytestmark = pytest.mark.slow(seconds=60)


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run of a network of 1-D convolutions, of which filters are gone, trained in int8."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "net.py").write_text(NET)
    options = TrainOptions(data=data, model=f"{folder / 'net.py'}:build", epochs=12, batch_size=8, seed=1)
    trained = train(folder / "first", options, silent)
    assert trained is not None
    return compress(trained.path, FilterOptions(filters=0.3, prune_epochs=4, qat_epochs=1), silent)


def network(of: Any) -> Any:
    """Return a network of numbers less a mean and divided by a deviation, that tells fast from slow."""
    layers = of.layers
    model = of.Sequential(
        [
            of.Input((LENGTH, CHANNELS)),
            layers.Conv1D(2, 2, activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    taps = np.zeros((2, CHANNELS, 2))
    taps[:, 1] = [[1, -1], [-1, 1]]  # how fast the second channel changes, upwards and downwards
    steep = np.array([[6.0, -6.0], [6.0, -6.0]])
    model.set_weights([taps, np.zeros(2), steep, np.array([-4.0, 4.0])])
    return model


def whole(of: Any) -> Any:
    """Return the same network, which scales its numbers itself."""
    inner = network(of)
    scaling = of.layers.Normalization(axis=-1, mean=MEAN, variance=DEVIATION**2)
    return of.Sequential([of.Input((LENGTH, CHANNELS)), scaling, *inner.layers])


def test_the_run_learned_and_keeps_ranges(run: Run, data: Path) -> None:
    assert {variant.name: variant.scores.accuracy for variant in run.metrics().variants}["int8_ptq"] > 0.9
    assert run.record()["post_training"] == []
    assert run.input_shape() == (1, LENGTH, CHANNELS)
    ranges = run.ranges()
    assert ranges == read_model(run.int8_model).ranges
    assert ranges is not None
    assert len(ranges) == CHANNELS
    assert ranges[1].low < -180
    assert 180 < ranges[1].high < 300
    graph = read_model(run.int8_model)
    assert graph.normalization is None  # which is of pictures


def test_predict_benchmark_and_verify_agree_to_the_byte(run: Run, data: Path, tmp_path: Path) -> None:
    values, labels = windows(20, seed=5)
    np.save(tmp_path / "new.npy", values)
    (tmp_path / "one.csv").write_text("\n".join(",".join(map(str, row)) for row in values[0].tolist()))
    answer = predict(run.path, [tmp_path / "new.npy", tmp_path / "one.csv"])
    right = [found.label == CLASSES[label] for found, label in zip(answer.predictions, labels, strict=False)]
    assert np.mean(right) > 0.85
    assert str(answer.predictions[3].image).endswith("new.npy[3]")
    assert answer.predictions[-1].probabilities == answer.predictions[0].probabilities
    measured = benchmark([run.path], data, Timing(1, 1), silent).metrics
    at_home = {variant.name: variant.scores.accuracy for variant in run.metrics().variants}
    assert {variant.name: variant.scores.accuracy for variant in measured.variants}["int8_ptq"] == at_home[
        "int8_ptq"
    ]
    verified = verify(run.int8_model, "c99", tmp_path / "new.npy")
    assert (verified.inputs, verified.bytes_different) == (20, 0)
    verified = verify(run.int8_model, "c99", data.with_name("folder"))
    assert (verified.inputs, verified.bytes_different) == (160, 0)


def exported(source: Path, data: Path | None, folder: Path, **said: str) -> Exported:
    return export(source, folder / "out", ExportOptions(("tflite", "c"), "mine", **said), silent, data=data)


@pytest.mark.parametrize("form", ["keras2", "keras3", "saved", "tflite"])
def test_networks_from_elsewhere_take_numbers_as_they_are(form: str, data: Path, tmp_path: Path) -> None:
    source = tmp_path / {"saved": "saved", "tflite": "mine.tflite"}.get(form, "mine.keras")
    model = whole(keras3 if form == "keras3" else keras2)
    if form == "saved":
        tf.saved_model.save(model, source)
    elif form == "tflite":
        source.write_bytes(keras_to_float32(model))
        assert read_model(source).tensors[read_model(source).inputs[0]].shape == (1, LENGTH, CHANNELS)
    else:
        model.save(source)
    done = exported(source, data, tmp_path)
    assert done.check
    assert dict(done.check.scores) == {"float32": 1.0, "int8": 1.0}
    graph = read_model(tmp_path / "out" / "mine.tflite")
    assert graph.tensors[graph.inputs[0]].shape == (1, 1, LENGTH, CHANNELS)
    assert graph.ranges is not None
    assert graph.labels == CLASSES
    assert (tmp_path / "out" / "mine_numbers.h").exists()
    answer = predict(tmp_path / "out" / "mine.tflite", [data.with_name("folder") / "slow" / "1.npy"])
    assert answer.predictions[0].label == "slow"
    if form == "tflite":  # the float file is measured beside it, with numbers as they are
        metrics = benchmark([source, tmp_path / "out" / "mine.tflite"], data, Timing(1, 1), silent).metrics
        assert [variant.scores.accuracy for variant in metrics.variants] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("form", ["keras", "tflite"])
def test_what_scaled_numbers_before_a_network_is_said(form: str, data: Path, tmp_path: Path) -> None:
    source = tmp_path / f"mine.{form}"
    if form == "keras":
        network(keras2).save(source)
    else:
        source.write_bytes(keras_to_float32(network(keras2)))
    said = {"mean": ",".join(map(str, MEAN)), "std": ",".join(map(str, DEVIATION))}
    done = exported(source, data, tmp_path, **said)
    assert done.check
    assert dict(done.check.scores) == {"float32": 1.0, "int8": 1.0}


def test_a_quantized_file_takes_numbers_by_its_scale_or_what_is_said(data: Path, tmp_path: Path) -> None:
    source = tmp_path / "float.tflite"
    source.write_bytes(keras_to_float32(network(keras2)))
    values, labels = windows(40, seed=3)
    scaled = (values - MEAN.astype(np.float32)) / DEVIATION.astype(np.float32)
    converter = tf.lite.TFLiteConverter.from_keras_model(network(keras))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([window[np.newaxis]] for window in scaled)
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (tmp_path / "int8.tflite").write_bytes(converter.convert())
    as_they_are = TfliteModel(tmp_path / "int8.tflite").classify(scaled)
    assert (as_they_are.argmax(axis=1) == labels).all()
    said = {"mean": ",".join(map(str, MEAN)), "std": ",".join(map(str, DEVIATION))}
    done = exported(tmp_path / "int8.tflite", data, tmp_path, **said)
    assert done.check
    assert dict(done.check.scores) == {"int8": 1.0}
    from_raw = TfliteModel(tmp_path / "out" / "mine.tflite").classify(values)
    assert np.abs(from_raw - as_they_are).max() < 0.05


RANGES = (Window(-2.5, 2.25), Window(-250, 250), Window(9.7, 9.9))


def test_the_rule_is_that_of_tflite_to_rounding() -> None:
    scale, zero_point = np.float32(0.017), 5
    numbers = np.linspace(-3, 3, 5001, dtype=np.float32)[:, np.newaxis]
    expected = np.clip(np.round(numbers / scale) + zero_point, -128, 127)
    ours = as_bytes(numbers, of_scale(float(scale), zero_point, -128)).astype(int) - 128
    assert np.abs(ours - expected).max() <= 1
    assert (ours == expected).mean() > 0.99
    assert as_bytes(
        np.array([[np.nan], [np.inf], [-np.inf]], np.float32), (Window(0, 1),)
    ).ravel().tolist() == [0, 255, 0]
    assert seen_as((Window(0, 10),), Normalization((5.0,), (2.0,))) == (Window(-2.5, 2.5),)


@pytest.mark.parametrize("flags", [("-O2",), ("-Ofast", "-march=native"), ("-O0",), ("-m32", "-mfpmath=387")])
def test_c_takes_numbers_as_python_does(flags: tuple[str, ...], run: Run, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    header = numbers_to_c(run.int8_model.read_bytes(), "m")
    ranges = run.ranges()
    assert ranges is not None
    numbers = np.stack(
        [
            np.concatenate(
                [
                    draw.uniform(low - 1, high + 1, 20_000),
                    low + (high - low) * (np.arange(256) - 0.5) / 255,  # ties
                    [low, high, 3e38, -3e38, np.inf, -np.inf],
                ]
            )
            for low, high in ranges
        ],
        axis=1,
    ).astype(np.float32)
    (tmp_path / "m_numbers.h").write_text(header)
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "m_numbers.h"\nint main(void)\n{\n    float x[3];\n'
        "    while (fread(x, sizeof x, 1, stdin) == 1) {\n        for (int c = 0; c < 3; ++c) {\n"
        "            putchar((unsigned char)edgecnn_m_number(x[c], c));\n        }\n    }\n    return 0;\n}\n"
    )
    strict = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
    built = subprocess.run(
        ["gcc", *strict, *flags, "main.c", "-o", "m"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if "-m32" in flags and built.returncode:
        pytest.skip("gcc has no 32-bit libraries here")
    assert built.stderr == ""
    made = subprocess.run([tmp_path / "m"], input=numbers.tobytes(), capture_output=True, check=True).stdout
    np.testing.assert_array_equal(
        np.frombuffer(made, np.int8).reshape(numbers.shape).astype(int) + 128, as_bytes(numbers, ranges)
    )


def test_pictures_and_numbers_are_not_taken_for_each_other(run: Run, data: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="takes numbers, not images; give it"):
        predict(run.path, [tmp_path / "photo.png"])
    with pytest.raises(
        EdgecnnError, match="is of numbers, and a camera makes pictures: export it by --format c"
    ):
        export(run.path, tmp_path / "web", ExportOptions(("web",), "m"), silent)
    with pytest.raises(ModelError, match="has ranges of its own; leave out --window"):
        export(run.path, tmp_path / "w", ExportOptions(("tflite",), "m"), silent, window="0:5")
    with pytest.raises(EdgecnnError, match="--window is of pictures"):
        predict(run.path, [data.with_name("folder") / "slow" / "1.npy"], "0:5")
    for said in ({"fit": "crop"}, {"resize": "bilinear"}, {"channels_order": "BGR"}):
        with pytest.raises(ModelError, match="are of pictures, not of numbers"):
            exported(run.keras_model, data, tmp_path, **said)
        with pytest.raises(ModelError, match="are of pictures, not of numbers"):
            train(tmp_path / "fit", TrainOptions(data, "cainvas", **said), silent)
    with pytest.raises(ModelError, match="--input-range -1:1 is of pictures"):
        exported(run.keras_model, data, tmp_path, input_range="-1:1")


def test_windows_that_a_model_does_not_take_are_told(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "short.npy", np.zeros((LENGTH - 1, CHANNELS)))
    [reason] = predict(run.path, [tmp_path / "short.npy"]).unreadable.values()
    assert reason.endswith(f"short.npy holds 31x3 numbers, but the model takes 1x{LENGTH}x{CHANNELS}")


def asked(sample: tuple[int, ...], model: str = "net.py:build", **options: Any) -> tuple[int, ...] | None:
    return map_of(TrainOptions(Path("d.npz"), model, **options), sample)


def test_a_network_is_given_samples_as_they_are_or_as_is_said() -> None:
    assert asked((32, 3)) == (32, 3)
    assert asked((12,)) == (12,)
    # A run that is resumed asks for what it was begun with.
    assert asked((32, 3), input_size=(1, 32), channels=3) == (32, 3)
    assert asked((12,), input_size=(1, 1), channels=12) == (12,)
    assert asked((49, 10), channels=1) == (49, 10, 1)
    assert asked((784,), input_size=(28, 28)) == (28, 28, 1)
    assert asked((12,), input_size=(2, 2), channels=3) == (2, 2, 3)
    assert asked((49, 10), "ds-cnn") == (49, 10, 1)
    assert asked((8, 8, 6), "cainvas") == (8, 8, 6)
    assert asked((784,), "cainvas", input_size=(28, 28)) == (28, 28, 1)
    with pytest.raises(ModelError, match=r"samples of the shape \(2, 3, 4, 5\) can't be taken"):
        asked((2, 3, 4, 5))
    for sample, options in (
        ((240,), {}),
        ((49, 10), {"input_size": (10, 49)}),
        ((12,), {"input_size": (5, 2)}),
    ):
        with pytest.raises(ModelError, match='model "cainvas" takes maps, samples of d'):
            asked(sample, "cainvas", **options)


def on_device() -> Any:
    """Return the script that runs alone on a Raspberry Pi."""
    path = Path(__file__).parents[2] / "benchmarks" / "on_device.py"
    spec = spec_from_file_location("on_device", path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_takes_numbers_to_the_byte(run: Run, data: Path, tmp_path: Path) -> None:
    module, options = on_device(), Namespace(runtime=None, threads=1, window=None)
    files = module.list_images(data.with_name("folder"))
    assert len(files) == 160
    for path in (run.int8_model, run.variant("float32")):
        model, ours = module.Model(path, path.read_bytes(), options), TfliteModel(path)
        for file, _ in files[::40]:
            np.testing.assert_array_equal(
                module.load_values(model, file), ours.values(np.load(file)[np.newaxis])
            )
    result = module.run_images(
        module.Model(run.int8_model, run.int8_model.read_bytes(), options), files, [*CLASSES]
    )
    answers = predict(run.path, [file for file, _ in files]).predictions
    assert [CLASSES[answer] for answer in result["answers"]] == [answer.label for answer in answers]
    for dtype, scale in (("int8", 0.017), ("uint8", 3.5), ("float32", 0.0)):
        spec, values = {"dtype": dtype, "scale": scale, "zero_point": 4}, np.load(files[0][0])
        expected = as_input(values, None, scale, 4, dtype)
        np.testing.assert_array_equal(module.numbers_as_input(spec, None, values), expected)
    np.save(tmp_path / "short.npy", np.zeros((3, 3)))
    with pytest.raises(module.UndecodableError, match="holds \\(3, 3\\) numbers, and the model takes"):
        module.load_values(
            module.Model(run.int8_model, run.int8_model.read_bytes(), options), tmp_path / "short.npy"
        )
    with pytest.raises(module.BenchmarkError, match="takes no pictures; give it numbers"):
        module.require_kind(module.Model(run.int8_model, run.int8_model.read_bytes(), options), numbers=False)


def commands(page: str, heading: str) -> list[str]:
    """Return the commands of the first block of a section of a page that has any."""
    text = (Path(__file__).parents[2] / "docs" / page).read_text().split(heading, maxsplit=1)[1]
    block = text.split("```console\n", maxsplit=1)[1].split("```", maxsplit=1)[0]
    return [line.removeprefix("$ edgecnn ") for line in block.splitlines()]


@pytest.mark.study
def test_the_pages_commands_run(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("windows.npz").write_bytes(data.read_bytes())
    Path("net.py").write_text(NET)
    np.save("window.npy", windows(1)[0][0])
    network(keras2).save("gestures.keras")
    Path("gestures.tflite").write_bytes(keras_to_float32(network(keras2)))
    shown = commands("train.md", "## Numbers") + commands("models.md", "Networks of numbers")
    assert len(shown) == 9
    for command in shown:
        further = ["--epochs", "1"] if command.startswith("train") else []
        edgecnn.main([*shlex.split(command), *further], standalone_mode=False)
    assert Path("firmware/gestures_numbers.h").exists()
    assert (
        Path("firmware4/model_int8.tflite").read_bytes() != Path("firmware5/model_int8.tflite").read_bytes()
    )
