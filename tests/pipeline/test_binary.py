# SPDX-License-Identifier: Apache-2.0
"""A network with one sigmoid goes the whole way, and its threshold goes with it."""

from pathlib import Path

import numpy as np
import pytest

from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.errors import ModelError
from edgecnn.evaluation.results import ClassFigures
from edgecnn.pipeline.compress import compress
from edgecnn.pipeline.predict import predict
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.history import read_history
from edgecnn.pipeline.run.options import CompressOptions, TrainOptions
from edgecnn.pipeline.train import train
from edgecnn.progress import silent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(two_classes: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("runs") / "binary"
    options = TrainOptions(
        two_classes, "melanoma-v1", input_size=(32, 32), channels=1, width=0.25, epochs=3, batch_size=8,
        optimizer="adam", augment="flip", seed=1,
    )  # fmt: skip
    train(path, options, silent)
    return compress(path, CompressOptions(0.5, 2, 1), silent)


def test_history_has_what_one_sigmoid_measures(run: Run) -> None:
    history = read_history(run)
    assert list(history) == ["train", "prune", "qat"]
    assert {"auc", "val_auc", "val_precision", "val_recall"} <= set(history["train"][0])


def test_every_variant_carries_the_threshold_that_it_was_measured_with(run: Run) -> None:
    for name, path in run.variants().items():
        scores = run.metrics()[name].scores
        assert isinstance(scores, ClassFigures)
        assert scores.binary
        assert scores.binary.threshold == read_model(path).threshold
        low, high = scores.binary.auc.ci95
        assert 0 <= low <= scores.binary.auc.value <= high <= 1


def test_prediction_and_c_decide_by_the_threshold(run: Run) -> None:
    graph = read_model(run.int8_model)
    output = graph.tensors[graph.outputs[0]].quantization
    assert output
    least = int(np.ceil(graph.threshold / output.scale)) + output.zero_point
    assert f"_THRESHOLD ({least})" in compile_tflite(run.int8_model).header
    images = sorted(run.data().rglob("*.png"))[::6]
    for answer in predict(run.path, images).predictions:
        assert answer.label == ("dots" if answer.probabilities[1] >= graph.threshold else "bars")


def test_the_report_tells_of_two_classes(run: Run) -> None:
    report = run.report_file.read_text()
    assert "sensitivity at 90% specificity" in report
    assert report.count("<svg") == 7  # accuracy, loss, ROC, precision and recall, reliability, two of memory


def test_a_network_of_another_number_of_classes_is_refused(images: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        "from edgecnn.tf import keras\n"
        "def two(shape, classes):\n"
        "    image = keras.Input(shape)\n"
        "    return keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(image)))\n"
    )
    with pytest.raises(ModelError, match=r'own\.py:two" tells 2 classes apart, but the data have 3'):
        train(tmp_path / "run", TrainOptions(images, f"{own}:two", input_size=(8, 8)), silent)
