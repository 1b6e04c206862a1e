# SPDX-License-Identifier: Apache-2.0
"""Export of everything that export takes, and benchmark of what it gives."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecnn.compiler.reading.metadata import read_labels
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.converters.tflite_metadata import add_metadata, without_metadata
from edgecnn.errors import DataError, EdgecnnError, ModelError
from edgecnn.pipeline.benchmark import benchmark
from edgecnn.pipeline.evaluate import Timing
from edgecnn.pipeline.export import ExportOptions, export
from edgecnn.pipeline.run import Run
from edgecnn.progress import silent
from edgecnn.tf import keras, quiet, tf

BOTH = ("tflite", "c-array")
ASSETS = Path(__file__).parent.parent / "assets"


def _names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


@pytest.mark.slow
def test_a_compressed_run_gives_its_int8_model_and_its_labels(compressed: Run, tmp_path: Path) -> None:
    written = export(compressed.path, tmp_path, ExportOptions(BOTH, "mine"), silent).files
    assert _names(written) == ["mine.tflite", "labels.txt", "mine.h", "mine.c"]
    assert written[0].read_bytes() == compressed.int8_model.read_bytes()
    assert written[1].read_text() == "bars\ndots\nplain\n"


@pytest.mark.slow
def test_a_package_of_a_run_has_its_model_card(compressed: Run, tmp_path: Path) -> None:
    export(compressed.path, tmp_path, ExportOptions(("cmake",), "mine"), silent)
    assert (tmp_path / "MODEL_CARD.md").read_bytes() == compressed.model_card_file.read_bytes()
    assert (tmp_path / "labels.txt").read_text() == "bars\ndots\nplain\n"


@pytest.mark.slow
def test_a_run_that_was_only_trained_is_quantized_from_its_own_data(trained: Run, tmp_path: Path) -> None:
    [tflite, _] = export(trained.path, tmp_path, ExportOptions(("tflite",), "mine"), silent).files
    assert read_labels(tflite.read_bytes()) == ("bars", "dots", "plain")
    assert "float32" not in {tensor.dtype for tensor in read_model(tflite).tensors}


@pytest.mark.slow
def test_a_keras_file_needs_data_and_takes_the_labels_from_them(
    trained: Run, images: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="is a float model; give images like those it will see by --data"):
        export(trained.keras_model, tmp_path, ExportOptions(BOTH, "mine"), silent)
    written = export(
        trained.keras_model, tmp_path, ExportOptions(("tflite",), "mine"), silent, data=images
    ).files
    assert _names(written) == ["mine.tflite", "labels.txt"]
    labels = read_labels(written[0].read_bytes())
    assert labels == ("bars", "dots", "plain")


@pytest.mark.needs_tool("gcc", package="gcc")
def test_a_tflite_file_is_taken_as_it_is_and_its_c_compiles(tmp_path: Path) -> None:
    written = export(
        ASSETS / "tiny_int8.tflite", tmp_path, ExportOptions(("tflite", "c"), "tiny"), silent
    ).files
    assert _names(written) == [
        "tiny.tflite",
        "tiny.h",
        "tiny.c",
        "tiny_test.h",
        "tiny_test.c",
        "tiny_preprocess.h",
        "tiny_preprocess.c",
    ]
    assert written[0].read_bytes() == (ASSETS / "tiny_int8.tflite").read_bytes()
    subprocess.run(
        ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-c", "tiny.c"], cwd=tmp_path, check=True
    )


def test_a_float_tflite_file_is_quantized_where_there_are_images(images: Path, tmp_path: Path) -> None:
    source = ASSETS / "tiny_float32.tflite"
    [taken] = export(source, tmp_path, ExportOptions(("tflite",)), silent).files
    assert taken.name == "model_float32.tflite"
    assert taken.read_bytes() == source.read_bytes()
    [made, _] = export(source, tmp_path, ExportOptions(("tflite",)), silent, data=images).files
    assert made.name == "model_int8.tflite"
    graph = read_model(made)
    assert {tensor.dtype for tensor in graph.tensors} == {"int8", "int32"}
    assert graph.labels == ("bars", "dots", "plain")
    given, *others = benchmark([taken, made], images, Timing(0, 1), silent).probabilities.values()
    assert others
    for answers in others:  # in the TFLite runtime and, where there is a compiler, in C
        np.testing.assert_allclose(answers, given, atol=0.02)


@pytest.fixture(scope="module")
def converter() -> Any:
    """TensorFlow's, for a network of which it quantizes what it is asked for."""
    layers = keras.layers
    network = keras.Sequential([layers.Input((12, 12, 1)), layers.Conv2D(32, 3), layers.Conv2D(8, 3)])
    network.add(layers.Flatten())
    network.add(layers.Dense(3))
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_a_float_tflite_file_with_weights_of_fewer_bits_is_quantized(
    converter: Any, dtype: str, images: Path, tmp_path: Path
) -> None:
    converter.target_spec.supported_types = [tf.float16] if dtype == "float16" else []
    with quiet():
        (tmp_path / "mine.tflite").write_bytes(converter.convert())
    made = export(tmp_path / "mine.tflite", tmp_path, ExportOptions(("tflite", "c")), silent, data=images)
    graph = read_model(made.files[0])
    ends = {i for operator in graph.operators for i in (*operator.inputs, *operator.outputs)}
    assert {graph.tensors[i].dtype for i in ends} == {"int8", "int32"}


def test_a_float_tflite_file_of_two_outputs_is_quantized(images: Path, tmp_path: Path) -> None:
    layers = keras.layers
    image = keras.Input((12, 12, 1), batch_size=1)
    flat = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(image))
    kinds, size = layers.Dense(3, activation="softmax")(flat), layers.Dense(1)(flat)
    with quiet():
        model = tf.lite.TFLiteConverter.from_keras_model(keras.Model(image, [kinds, size])).convert()
    (tmp_path / "mine.tflite").write_bytes(model)
    exported = export(tmp_path / "mine.tflite", tmp_path, ExportOptions(("tflite", "c")), silent, data=images)
    graph = read_model(exported.files[0])
    assert [graph.tensors[i].dtype for i in graph.outputs] == ["int8", "int8"]
    assert (exported.check, graph.labels) == (None, ())


def test_metadata_that_are_there_are_written_anew(images: Path, tmp_path: Path) -> None:
    source = tmp_path / "mine.tflite"
    described = without_metadata((ASSETS / "tiny_float32.tflite").read_bytes())
    source.write_bytes(add_metadata(described, "mine", "of others", ("bars", "dots", "plain"), 0.25))
    [made, *_] = export(source, tmp_path, ExportOptions(("tflite",)), silent, data=images).files
    graph = read_model(made)
    assert (graph.labels, graph.threshold) == (("bars", "dots", "plain"), 0.25)
    assert [name for name, _ in graph.metadata].count("TFLITE_METADATA") == 1


def test_an_int8_tflite_file_that_takes_floats_is_taken_as_it_is(
    converter: Any, images: Path, tmp_path: Path
) -> None:
    converter.representative_dataset = lambda: [[np.ones((1, 12, 12, 1), np.float32)]]
    with quiet():
        (tmp_path / "mine.tflite").write_bytes(converter.convert())
    [taken] = export(
        tmp_path / "mine.tflite", tmp_path, ExportOptions(("tflite",)), silent, data=images
    ).files
    assert taken.read_bytes() == (tmp_path / "mine.tflite").read_bytes()


@pytest.mark.parametrize(
    ("source", "formats", "name", "message"),
    [
        ("absent", BOTH, "a", "there is no .*absent; give a run, a .keras, .h5, .onnx or .tflite file"),
        ("garbage.tflite", BOTH, "a", "not a .tflite file"),
        (
            "tiny.tflite",
            ("c", "c-array"),
            "a",
            "both write a header of that name; export them to two folders",
        ),
        ("tiny.tflite", BOTH, "int", "int"),
        ("tiny.tflite", BOTH, "../up", "up"),
    ],
)
def test_what_cannot_be_exported_leaves_nothing(
    source: str, formats: tuple[str, ...], name: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "garbage.tflite").write_bytes(b"garbage")
    shutil.copyfile(ASSETS / "tiny_int8.tflite", tmp_path / "tiny.tflite")
    with pytest.raises(EdgecnnError, match=message):
        export(tmp_path / source, tmp_path / "out", ExportOptions(formats, name), silent)
    assert not (tmp_path / "out").exists()


def test_without_tensorflow_a_keras_file_needs_it(tmp_path: Path) -> None:
    program = """import sys
sys.modules |= dict.fromkeys(("h5py", "keras", "tensorflow"))
from edgecnn.cli import main
main()
"""
    (tmp_path / "mine.keras").touch()
    for name in ("photos/a", "photos/b"):
        (tmp_path / name).mkdir(parents=True)
    asked = ("export", "mine.keras", "--out", "out", "--data", "photos")
    made = subprocess.run(
        (sys.executable, "-c", program, *asked), capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert made.returncode == 1
    assert made.stderr.endswith("install it with: pip install 'edgecnn[train]'\n")
    assert made.stderr.startswith("Error: training and converting need TensorFlow, but ")


@pytest.mark.slow
def test_benchmark_measures_runs_and_files_side_by_side(
    compressed: Run, images: Path, tmp_path: Path
) -> None:
    shutil.copyfile(compressed.int8_model, tmp_path / "field.tflite")
    sources = [compressed.path, tmp_path / "field.tflite"]
    evaluation = benchmark(sources, images, Timing(warmup=1, runs=5), silent)
    assert evaluation.metrics.test_images == compressed.metrics().test_images
    variants = [variant.name for variant in evaluation.metrics.variants]
    kinds = ("float32", "float32_pruned", "int8_ptq", "int8_qat")
    files = [name for name in variants if not name.endswith(", C")]
    assert files == [f"compressed/{kind}" for kind in kinds] + ["field"]
    as_c = {name.removesuffix(", C") for name in variants} - {
        "compressed/float32",
        "compressed/float32_pruned",
    }
    assert as_c == {"compressed/int8_ptq", "compressed/int8_qat", "field"}
    np.testing.assert_array_equal(
        evaluation.probabilities["field"], evaluation.probabilities["compressed/int8_qat"]
    )
    field = evaluation.metrics["field"]
    assert field.scores.quality == compressed.metrics()["int8_qat"].scores.quality
    assert field.costs.latency_us.runs == 5


@pytest.mark.slow
def test_benchmark_refuses_models_of_two_sizes(compressed: Run, images: Path) -> None:
    with pytest.raises(ModelError, match=r"takes images of .*, the first model of 64x64x1"):
        benchmark([compressed.path, ASSETS / "tiny_int8.tflite"], images, Timing(), silent)
