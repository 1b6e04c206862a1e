# SPDX-License-Identifier: Apache-2.0
"""The whole job on the built-in phantoms."""

import os
import shutil
from pathlib import Path

from edgecnn.data.phantoms import write_phantoms
from edgecnn.errors import RunError
from edgecnn.files import TEMPORARY, real_path, uninterrupted
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.run.options import FilterOptions, TrainOptions
from edgecnn.progress import Progress

SEED = 0
IMAGES = {"train": 3000, "validation": 3000, "test": 4000}
EPOCHS = 16
COMPRESS = FilterOptions(max_loss=0.5)


def demo(path: Path, progress: Progress) -> Run:
    """Draw phantoms, train `cainvas` on them, compress it and measure every variant.

    What an earlier demo left is replaced at the end: the same seed gives the same files.

    Raises:
        RunError: `path` holds something else.
    """
    if os.path.lexists(path) and not (path.is_dir() and (_is_demo(path) or not any(path.iterdir()))):
        raise RunError(f"{path} holds something that is not a demo; choose another --out")
    new = real_path(path).with_name(f"{TEMPORARY}{real_path(path).name}")
    old = new.with_name(f"{new.name}-old")
    _remove(new, old)  # of a demo that was killed
    try:
        _make(new, progress)
        with uninterrupted():
            if path.exists():
                path.rename(old)
            new.rename(path)
    finally:
        _remove(new, old)
    return Run(path)


def _is_demo(path: Path) -> bool:
    """Say whether a folder is a run on phantoms in itself; that it holds some is not enough to remove it."""
    try:
        return (path / "phantoms").is_dir() and Run(path).record()["data"]["source"] == "phantoms"
    except RunError:
        return False


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _make(path: Path, progress: Progress) -> None:
    from edgecnn.pipeline.compress import compress  # TensorFlow takes seconds to load
    from edgecnn.pipeline.train import train

    data = path / "phantoms"
    write_phantoms(data, IMAGES, SEED, progress)
    train(path, TrainOptions(data=data, model="cainvas", epochs=EPOCHS, seed=SEED), progress)
    compress(path, COMPRESS, progress)
