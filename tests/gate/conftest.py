# SPDX-License-Identifier: Apache-2.0
"""The zoo of hostile models, made once, and a run folder for each to be put in."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hostile_models import SHAPE, ZOO
from PIL import Image

from edgecnn.data.dataset import open_dataset
from edgecnn.pipeline.evaluate import describe_data
from edgecnn.progress import silent


@dataclass(frozen=True)
class Hostile:
    path: Path
    marker: Path  # what it makes, if its code is run


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Hostile]:
    made: dict[str, Hostile] = {}

    def find(name: str) -> Hostile:
        if name not in made:
            folder = tmp_path_factory.mktemp("zoo")
            marker = folder / "marker"
            made[name] = Hostile(ZOO[name](folder, marker), marker)
        return made[name]

    return find


@pytest.fixture
def hostile(zoo: Callable[[str], Hostile], animal: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    """The hostile model `animal`, whose own module could be imported."""
    found = zoo(animal)
    monkeypatch.syspath_prepend(found.path.parent)
    yield found
    sys.modules.pop("strangers", None)
    found.marker.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name in ("left", "right"):
        (folder / name).mkdir()
        for index in range(8):
            Image.fromarray(rng.integers(0, 256, SHAPE[:2]).astype(np.uint8)).save(
                folder / name / f"{index}.png"
            )
    return folder


@pytest.fixture
def run_with(pictures: Path, tmp_path: Path) -> Callable[..., Path]:
    """Make a finished run with a given model.keras."""

    def make(model: Path, name: str = "cainvas") -> Path:
        run = tmp_path / "run"
        run.mkdir()
        (shutil.copytree if model.is_dir() else shutil.copyfile)(model, run / "model.keras")
        train = {"seed": 0, "threads": 2, "batch_size": 4, "optimizer": "adam", "learning_rate": 0.001}
        record = {
            "model": name,
            "input_shape": SHAPE,
            "classes": ["left", "right"],
            "parameters": 130,
            "train": {**train, "sampling": "all", "augment": "none", "weights": "none"},
            "data": describe_data(str(pictures), open_dataset(pictures, seed=0, progress=silent)),
            "compress": {"ptq": True},
        }
        (run / "run.json").write_text(json.dumps(record))
        (run / "labels.txt").write_text("left\nright\n")
        return run

    return make
