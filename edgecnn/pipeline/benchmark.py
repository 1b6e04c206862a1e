# SPDX-License-Identifier: Apache-2.0
"""Measure models of any origin on the test images of one data set, side by side."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.ir import Fitting, Window
from edgecnn.compiler.reading.tflite import read_model
from edgecnn.data.arrays import Arrays, load_part
from edgecnn.data.dataset import Dataset, list_files, open_listed
from edgecnn.data.numbers import by
from edgecnn.errors import MissingToolError, ModelError, RunError
from edgecnn.files import real_path
from edgecnn.pipeline.evaluate import Evaluation, Timing, describe_data, evaluate_models
from edgecnn.pipeline.model_file import image_shape, numbers_shape
from edgecnn.pipeline.run import Run
from edgecnn.pipeline.shared import best_target, build_shared
from edgecnn.progress import Progress

_Shared = TypeVar("_Shared")


def benchmark(
    sources: Sequence[Path], data: Path, timing: Timing, progress: Progress, *, seed: int | None = None
) -> Evaluation:
    """Run models on the test split of `data`; each is compared with the first.

    Behind each int8 model that can be compiled stands its C, built for this machine.

    Args:
        sources: runs, of which every variant is measured, and .tflite files, all of one input size.
        data: the images.
        timing: how to measure latency.
        progress: told how far each long step is.
        seed: of the split, for data that hold none; None: that of the runs, so that no model is measured on
            images that it was trained on, and 0 for files.

    Raises:
        DataError: the images can't be used.
        ModelError: a file is no model, or the models take images of different sizes.
        RunError: the runs were trained with different seeds, so that no split suits them all.
    """
    models = gather(sources)
    dataset, test = load_as_seen(sources, models, data, progress, seed)
    about = describe_data(str(data), dataset)
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
        libraries = _libraries(models, Path(folder))
        reference = next(iter(models))  # the first that was given
        listed = {
            own: path
            for name, path in models.items()
            for own in (name, _as_c(name))
            if own == name or own in libraries
        }
        return evaluate_models(listed, reference, test, dataset.classes, about, timing, progress, libraries)


def load_test_images(
    sources: Sequence[Path],
    models: Mapping[str, Path],
    data: Path,
    progress: Progress,
    *,
    seed: int | None = None,
) -> tuple[Arrays, tuple[str, ...]]:
    """Return the images that `benchmark` measures on, in the order red, green, blue, and their classes."""
    dataset, test = load_as_seen(sources, models, data, progress, seed)
    if dataset.fitting.order == "BGR":
        test = replace(test, images=test.images[..., ::-1])
    return test, dataset.classes


def load_as_seen(
    sources: Sequence[Path],
    models: Mapping[str, Path],
    data: Path,
    progress: Progress,
    seed: int | None = None,
) -> tuple[Dataset, Arrays]:
    """Return data, and their test images as all of the models see them, as `benchmark` has them."""
    window = _common(models, _window, "was trained with window {}, the first model with {}", _or_none)
    fitting = _common(models, _fitting, "sees pictures as {}, the first model as {}", str)
    listing = list_files(data)
    if listing.numbers:
        shape = _common(models, _numbers, "takes numbers of {}, the first model of {}", by)
    else:
        shape = _common(models, image_shape, "takes images of {}, the first model of {}", by)
    dataset = open_listed(
        listing, seed=_seed(sources) if seed is None else seed, strict=False, progress=progress
    )
    dataset = replace(dataset, window=window, fitting=fitting)
    return dataset, load_part(dataset, "test", shape, progress)


def _numbers(path: Path) -> tuple[int, ...]:
    """Return the sides of what a model takes that are more than 1: it may have others, too."""
    return tuple(side for side in numbers_shape(read_model(path), path) if side > 1)


def _common(
    models: Mapping[str, Path], read: Callable[[Path], _Shared], differ: str, say: Callable[[_Shared], str]
) -> _Shared:
    """Return what all models have to have in common, or raise ModelError, which says how they `differ`."""
    first, *others = ((path, read(path)) for path in models.values())
    for path, value in others:
        if value != first[1]:
            raise ModelError(f"{path} {differ.format(say(value), say(first[1]))}; measure them one at a time")
    return first[1]


def _window(path: Path) -> Window | None:
    return read_model(path).window


def _fitting(path: Path) -> Fitting:
    return read_model(path).fitting


def _or_none(window: Window | None) -> str:
    return str(window or "none")


def _as_c(name: str) -> str:
    return f"{name}, C"


def _libraries(models: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Build each model's C in `folder`, by the name it is listed under, except what can't be compiled."""
    built = {}
    for number, (name, path) in enumerate(models.items()):
        try:
            compiled = compile_tflite(path, name=f"model{number}", target=best_target().name)
            built[_as_c(name)] = build_shared(compiled, folder)[-1]
        except (ModelError, MissingToolError):
            continue  # floats, an op without a kernel, or no C compiler
    return built


def gather(sources: Sequence[Path]) -> dict[str, Path]:
    """Name each model: a run's variants by their own names, others by their files.

    Where names repeat, they are whole paths.

    Raises:
        RunError: a folder is no run, or its training is not finished.
    """
    names = [real_path(source).name for source in sources]
    models: dict[str, Path] = {}
    for source, name in zip(sources, names, strict=True):
        if source.suffix == ".tflite":
            models[source.stem if source.stem not in models else str(source)] = source
            continue
        run = Run(source)
        run.require_trained()
        prefix = "" if len(names) == 1 else f"{name if names.count(name) == 1 else source}/"
        models |= {f"{prefix}{variant}": path for variant, path in run.variants().items()}
    return models


def _seed(sources: Sequence[Path]) -> int:
    seeds = {source: _seed_of(Run(source)) for source in sources if source.suffix != ".tflite"}
    if len(set(seeds.values())) > 1:
        each = ", ".join(f"{source} {seed}" for source, seed in seeds.items())
        raise RunError(
            f"the runs were trained with different seeds ({each}), so they split images differently; "
            "measure them one at a time, or choose by --seed where the data have a split of their own"
        )
    return next(iter(seeds.values()), 0)


def _seed_of(run: Run) -> int:
    train = run.record()["train"]
    if "seed" not in train:
        raise RunError(f"{run.record_file} lacks train.seed; choose by --seed")
    return int(train["seed"])
