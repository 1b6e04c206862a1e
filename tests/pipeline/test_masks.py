# SPDX-License-Identifier: Apache-2.0
"""A network for masks goes the whole way: trained, quantized, measured, shown, compiled."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.data.arrays import load_part
from edgecnn.data.dataset import open_dataset
from edgecnn.data.images import load_image
from edgecnn.errors import DataError, ModelError
from edgecnn.evaluation.overlap import THRESHOLDS, dice_by_image
from edgecnn.evaluation.results import MaskFigures
from edgecnn.pipeline.compress import compress
from edgecnn.pipeline.predict_masks import answers_with_masks, predict_masks
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.history import read_history
from edgecnn.pipeline.run.options import TrainOptions
from edgecnn.pipeline.train import train
from edgecnn.progress import silent
from edgecnn.runtime.tflite import TfliteModel

pytestmark = pytest.mark.slow


def _write_squares(folder: Path) -> Path:
    """Write noisy pictures, 16x16, each with a bright square, and masks of these."""
    draw = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for index in range(60):
        mask = np.zeros((16, 16), np.uint8)
        y, x = draw.integers(0, 11, 2)
        mask[y : y + 5, x : x + 5] = 255
        picture = (draw.integers(0, 80, (16, 16)) + 0.6 * mask).astype(np.uint8)
        for name, pixels in (("images", picture), ("masks", mask)):
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("masks")
    options = TrainOptions(
        _write_squares(folder / "squares"), "unet", input_size=(16, 16), channels=1, width=0.25,
        epochs=6, learning_rate=1e-2, loss="weighted", augment="flip,shift=0.1", seed=1,
    )  # fmt: skip
    train(folder / "run", options, silent)
    return compress(folder / "run", None, silent)


def test_it_learns_where_squares_are(run: Run) -> None:
    history = read_history(run)["train"]
    assert history[-1]["val_dice"] > 0.8
    assert history[-1]["val_dice"] > history[0]["val_dice"]


def test_metrics_tell_overlap_beside_the_background(run: Run) -> None:
    metrics = run.metrics()
    assert metrics.background is not None
    assert 0.8 < metrics.background < 1
    for scores in (variant.scores for variant in metrics.variants):
        assert isinstance(scores, MaskFigures)
        low, high = scores.dice_per_image.ci95
        assert 0 <= low <= scores.dice_per_image.value <= high <= 1
        assert scores.dice == pytest.approx(2 * scores.iou / (1 + scores.iou))
    assert metrics["int8_ptq"].scores.agreement > 0.98


def test_the_report_shows_overlays(run: Run) -> None:
    report = run.report_file.read_text()
    assert report.count('alt="overlay of two masks') == 5
    assert "Calling every pixel background would score" in report


def test_it_is_integer_and_compiles(run: Run) -> None:
    assert compile_tflite(run.int8_model).plan["arena_bytes"] > 0


def test_each_file_carries_the_best_threshold_of_its_own_answers(run: Run) -> None:
    dataset = open_dataset(run.data(), seed=1)
    validation = load_part(dataset, "validation", run.input_shape(), silent)
    assert validation.masks is not None
    for name, path in run.variants().items():
        chosen, answers = read_model(path).threshold, TfliteModel(path).predict(validation.images)
        dice = [dice_by_image(validation.masks == 1, answers >= one).mean() for one in THRESHOLDS]
        found = dice_by_image(validation.masks == 1, answers >= chosen).mean()
        assert found == pytest.approx(max(dice), abs=1e-12)
        scores = run.metrics()[name].scores
        assert isinstance(scores, MaskFigures)
        assert scores.threshold == chosen
    assert "A pixel is marked from a sigmoid of" in run.report_file.read_text()


def test_the_c_knows_the_threshold(run: Run) -> None:
    graph = read_model(run.int8_model)
    output = graph.tensors[graph.outputs[0]].quantization
    assert output
    least = int(np.ceil(graph.threshold / output.scale)) + output.zero_point
    header = compile_tflite(run.int8_model).header
    assert f"_THRESHOLD ({least}) /* a pixel is marked from {graph.threshold:g} on */" in header


def test_predict_writes_masks_and_tells_their_share(run: Run, tmp_path: Path) -> None:
    images = sorted((run.data() / "images").iterdir())[:3]
    assert answers_with_masks(run.path)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    marked, unreadable = predict_masks(run.path, [broken, *images], tmp_path / "marked")
    assert list(unreadable) == [broken]
    for image, one in zip(images, marked, strict=True):
        assert one.mask == tmp_path / "marked" / image.name
        mask = load_image(one.mask, 16, 16, 1)
        assert set(np.unique(mask)) <= {0, 255}
        assert one.share == (mask == 255).mean()
    with pytest.raises(DataError, match="several images would write"):
        predict_masks(run.path, [images[0], images[0]], tmp_path / "twice")


def test_data_and_network_have_to_agree(run: Run, images: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match='model "unet" answers with a mask, but the data have classes'):
        train(tmp_path / "a", TrainOptions(images, "unet", input_size=(16, 16)), silent)
    with pytest.raises(ModelError, match='model "cainvas" answers with classes, but the data have masks'):
        train(tmp_path / "b", TrainOptions(run.data(), "cainvas"), silent)


@pytest.mark.parametrize("option", [{"class_weights": "balanced"}, {"sampling": "balanced"}])
def test_masks_have_no_classes_to_balance(run: Run, option: dict[str, Any], tmp_path: Path) -> None:
    asked = TrainOptions(run.data(), "unet", input_size=(16, 16), channels=1, width=0.25, epochs=1, **option)
    with pytest.raises(
        ModelError, match="answers with masks, which have no classes to balance: leave out --"
    ):
        train(tmp_path / "run", asked, silent)
    assert not (tmp_path / "run").exists()
