# SPDX-License-Identifier: Apache-2.0
"""A small data set and a finished run on it, made once for all tests of the pipeline."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shared import shared

from edgecnn.pipeline import compress as compress_module
from edgecnn.pipeline import device_costs
from edgecnn.pipeline import report as report_module
from edgecnn.pipeline.compress import compress
from edgecnn.pipeline.device_costs import DeviceCosts
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.options import CompressOptions, TrainOptions
from edgecnn.pipeline.train import train
from edgecnn.progress import silent

CLASSES = ("bars", "dots", "plain")
COMPRESS = CompressOptions(sparsity=0.5, prune_epochs=2, qat_epochs=1)


def write_images(folder: Path, per_class: int = 24, classes: tuple[str, ...] = CLASSES) -> Path:
    """Write 30x30 pictures that are easy to tell apart, one folder per class."""
    draw = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for index in range(per_class):
            image = draw.integers(0, 60, (30, 30))
            if name == "bars":
                image[:, index % 5 :: 6] += 180
            elif name == "dots":
                image[index % 5 :: 6, index % 3 :: 6] += 180
            Image.fromarray(image.astype(np.uint8)).save(folder / name / f"{index}.png")
    return folder


@pytest.fixture(scope="session")
def two_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("data") / "two", classes=("bars", "dots"))


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared(tmp_path_factory, "patterns", write_images)


@pytest.fixture(scope="session", autouse=True)
def _estimated() -> Iterator[None]:
    """Let runs estimate what C takes: compilers and emulators would take most of the time of these tests."""

    def estimated(path: Path, target: str) -> DeviceCosts | None:
        with pytest.MonkeyPatch.context() as without_tools:
            without_tools.setattr(device_costs, "_measured", lambda _: None)
            return device_costs.device_costs(path, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_module, "device_costs", estimated)
        patch.setattr(report_module, "latency_of_c", lambda _: 12.5)
        patch.setattr(compress_module, "measured_footprint", lambda _: None)
        yield


def options(images: Path) -> TrainOptions:
    return TrainOptions(data=images, model="cainvas", epochs=2, batch_size=8, seed=1)


@pytest.fixture(scope="session")
def trained(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run that is only trained; like `compressed`, to be read and not to be changed."""
    return Run(shared(tmp_path_factory, "trained", lambda path: train(path, options(images), silent)))


@pytest.fixture(scope="session")
def compressed(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run of its own, trained with the options of `trained`, and compressed."""

    def make(path: Path) -> None:
        train(path, options(images), silent)
        compress(path, COMPRESS, silent)

    return Run(shared(tmp_path_factory, "compressed", make))
