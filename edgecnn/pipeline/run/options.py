# SPDX-License-Identifier: Apache-2.0
"""What `train` and `compress` are asked for, and what they refuse before TensorFlow, which is slow, loads."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edgecnn.compiler.instructions import factors
from edgecnn.compiler.ir import SQUASHED, Fitting, Normalization
from edgecnn.compiler.picture import parse_normalization, parse_number_scaling
from edgecnn.data.dataset import PARTS, is_packed, list_files, numbers_shape, open_listed
from edgecnn.data.numbers import by, fits
from edgecnn.data.window import NEEDED
from edgecnn.errors import ModelError, RunError, did_you_mean
from edgecnn.files import beside, real_path
from edgecnn.models import Architecture, architecture, map_shape
from edgecnn.models._user import is_own, require_own, runs_code
from edgecnn.pipeline.run import Run
from edgecnn.training.augmentation import parse_augmentation

# What `compress` takes over from training, or says of it.
_NEEDED = {
    "train": (
        *("seed", "threads", "batch_size", "optimizer", "learning_rate", "sampling", "augment", "weights"),
    ),
    "data": ("source", "fingerprint", "synthetic", "images"),
}


@dataclass(frozen=True)
class TrainOptions:
    """What `edgecnn train` was asked for; None leaves it to the architecture.

    The default of an option that is added is what edgecnn did before: a training that was begun without it
    is resumed with it.
    """

    data: Path
    model: str
    input_size: tuple[int, int] | None = None  # height, width
    channels: int | None = None
    width: float = 1.0  # of the network: 0.5 halves its channels
    weights: str | None = None  # "none", "imagenet" or a file
    fine_tune_epochs: int = 0  # with pretrained weights too, at a tenth of the learning rate
    epochs: int | None = None
    batch_size: int | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    loss: str | None = None
    patience: int | None = None
    reduce_patience: int | None = None
    target_accuracy: float | None = None
    class_weights: str | None = None  # "none" or "balanced"
    sampling: str | None = None  # "all" or "balanced"
    augment: str | None = None
    seed: int = 0
    threads: int = 2
    mixed_precision: bool = False
    input_range: str = ""  # "LOW:HIGH", what a picture is to a network of one's own; empty: found in it
    mean: str = ""  # or its mean and deviation, "R,G,B", as fractions of 1
    std: str = ""
    fit: str = "squash"  # of images into the network's shape: one of values.FITS
    resize: str = "triangle"  # one of values.RESIZES
    channels_order: str = "RGB"  # that a network of one's own takes: one of values.ORDERS
    window: str = NEEDED  # of images of more than 8 bits: "needed", "auto" or "LOW:HIGH"
    strategy: str = "none"  # one of training.workers.STRATEGIES
    strict: bool = False


# Without those that are left to the architecture: nobody knows what it did before there was an option.
_DEFAULTS = {
    field.name: field.default for field in fields(TrainOptions) if field.default not in {None, MISSING}
}


@dataclass(frozen=True)
class FilterOptions:
    """What `edgecnn compress` was asked for where it removes whole filters."""

    target: str = "cortex-m4"
    flash: int | None = None  # bytes of code and constants together
    ram: int | None = None  # bytes of the arena
    instructions: int | None = None  # of an inference
    filters: float | None = None  # part of the MACs that goes, whatever it costs
    max_loss: float = 1.0  # points of validation accuracy, or Dice
    prune_epochs: int = 30  # of which each round has a part; half as many follow the last
    qat_epochs: int = 5
    weight_bits: int = 8  # 4: of all layers that don't lose too much by them


@dataclass(frozen=True)
class CompressOptions:
    """What `edgecnn compress` was asked for where it makes single weights zero."""

    sparsity: float = 0.5  # part of the weights of each layer that become zero
    prune_epochs: int = 10
    qat_epochs: int = 5


_FILTERS = "filters"
_COMPRESS_DEFAULTS = {"weight_bits": 8}  # of options that were added
_ONLY_FILTERS = {field.name for field in fields(FilterOptions)} - {
    field.name for field in fields(CompressOptions)
}
_WAYS = {
    "ptq": "quantize only (--ptq)",
    "sparsity": "make weights zero (--sparsity)",
    _FILTERS: "remove filters (neither --ptq nor --sparsity)",
}
Compression = FilterOptions | CompressOptions | None  # None: post-training quantization only


def check_train(path: Path, options: TrainOptions, *, resume: bool = False) -> None:
    """Raise at once what `train` would: of its folder, its options and the names of its images.

    Nothing of one among several workers: if it ended before they have met, the others would wait for it.

    Raises:
        DataError, ModelError, RunError: as `train`.
    """
    if options.strategy == "multi-worker":
        return
    run = Run(path)
    with run.locked():
        if is_own(options.model):
            require_own(options.model)
        if not resume:
            _refuse_another(run)
        given_map = map_of(options, numbers_shape(options.data))
        normalization = said_of_input(options, given_map is not None)
        if not is_own(options.model):
            network = architecture(options.model, normalization=normalization)
            refuse_overwriting(run, chosen_options(run, network, options, given_map), resume)
        _list_images(options.data, options.seed)


def check_compress(
    path: Path, options: Compression, *, data: Path | None = None, resume: bool = False
) -> None:
    """Raise at once what `compress` would: of its folder, its options and the names of its images.

    Raises:
        DataError, RunError: as `compress`.
    """
    run = Run(path)
    record = run.record()
    with run.locked():
        refuse_unfit(run)
        if resume:
            refuse_unlike(run, asked_of(options))
    if isinstance(options, FilterOptions):
        factors(options.target)
    _list_images(data or run.data(), record["train"]["seed"])


def _list_images(source: Path, seed: int) -> None:
    """Find what can't be used without opening a file; one that is packed would have to be unpacked for it."""
    if not is_packed(source):
        open_listed(list_files(source), seed=seed, strict=False, look=False)


def resumed_training(path: Path, given: Mapping[str, Any]) -> TrainOptions:
    """Return the options that a training was begun with, those of `given`, by field, in their place.

    Raises:
        RunError: `path` is no run, or names code, which only a person may: the run can be a stranger's.
    """
    run = Run(path)
    recorded = run.record()["train"]
    known = {field.name for field in fields(TrainOptions)}
    begun = {**_DEFAULTS, "model": run.record()["model"]}
    begun |= {name: value for name, value in recorded.items() if name in known}
    if "input_size" in begun:
        begun["input_size"] = tuple(begun["input_size"])
    begun["data"] = real_path(real_path(run.path) / run.record()["data"]["source"])
    if "model" not in given and runs_code(str(begun["model"])):
        raise RunError(
            f"the training in {path} was begun with code, --model {begun['model']}; to go on with it, give "
            "that option again: it runs as your own code"
        )
    return TrainOptions(**{**begun, **given})


def resumed_compression(path: Path, given: Mapping[str, Any]) -> Compression:
    """Return what `compress` was begun with, as it takes it; options of `given`, by field, in their place.

    Raises:
        RunError: `path` is no run in which it was begun.
    """
    begun = _begun(Run(path), "compress")
    way = _way(given, _FILTERS if given.keys() & _ONLY_FILTERS else _way(begun))
    if way == "ptq":
        return None
    kind = CompressOptions if way == "sparsity" else FilterOptions
    known = {field.name for field in fields(kind)} & begun.keys()
    return kind(**{**{name: begun[name] for name in known}, **given})


def _way(options: Mapping[str, Any], otherwise: str = _FILTERS) -> str:
    """Return how options want a network to be compressed: by "ptq", "sparsity" or "filters"."""
    return next((name for name in ("ptq", "sparsity") if options.get(name)), otherwise)


def asked_of(options: Compression) -> dict[str, Any]:
    """Return what run.json holds of "compress"."""
    return asdict(options) if options else {"ptq": True}


def said_of_input(options: TrainOptions, numbers: bool) -> Normalization | None:
    """Return what options say that a picture, or a number, is to a network of a person's own.

    Raises:
        ModelError: they contradict each other, or say none, or how numbers are to be fitted.
    """
    fitting = Fitting(options.fit, options.resize, options.channels_order)
    if numbers and fitting != SQUASHED:
        raise ModelError(
            "--fit, --resize and --channels-order are of pictures, not of numbers: leave them out"
        )
    parse = parse_number_scaling if numbers else parse_normalization
    return parse(options.input_range, options.mean, options.std)


def map_of(options: TrainOptions, sample: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Return the shape in which samples of numbers are given to a network; None: they are images.

    It is their own, or what --input-size and --channels make of it; of a network of edgecnn's, which is over
    maps, one channel where samples are (height, width).

    Raises:
        ModelError: they can't have that shape.
    """
    if sample is None:
        return None
    asked, own_map = sample, map_shape(sample)
    if options.input_size:
        channels = options.channels or math.prod(sample) // math.prod(options.input_size)
        asked = (*options.input_size, channels)
    elif options.channels and options.channels != sample[-1]:
        asked = (*sample[:2], options.channels)
    elif not is_own(options.model):
        asked = (*sample, 1) if len(sample) == 2 else sample
    if not fits(sample, asked) or (len(asked) < 3 and not is_own(options.model)):
        raise ModelError(
            f'model "{options.model}" takes maps, samples of {options.data} are {by(sample)} numbers, not '
            f"{by(asked)}: give the sides of a map by --input-size and --channels, or a network of your own, "
            "FILE.py:FUNCTION"
        )
    return (
        sample if asked == own_map and is_own(options.model) else asked
    )  # as run.json has what was left open


def chosen_options(
    run: Run, network: Architecture, options: TrainOptions, given_map: tuple[int, ...] | None = None
) -> dict[str, Any]:
    """Return all options as JSON values, those that were left open as the architecture has them.

    `given_map` is that of `map_of`.

    Raises:
        RunError: a path has bytes that are not UTF-8, which run.json can't hold.
        DataError: an augmentation is none.
        ModelError: there are no pretrained weights for the architecture.
    """
    given = {**asdict(options), "data": run.relative(options.data)}
    height, width, channels = network.input_shape
    if given_map is None:
        (height, width), channels = options.input_size or (height, width), options.channels or channels
    elif not is_own(options.model):
        height, width, channels = map_shape(given_map)
    given |= {"input_size": [height, width], "channels": channels}
    chosen = {name: getattr(network, name) if value is None else value for name, value in given.items()}
    for name in ("data", "model", "weights"):
        if any("\ud800" <= letter <= "\udfff" for letter in chosen[name]):  # bytes as Python holds them
            raise RunError(f"--{name} {chosen[name]} is no text in UTF-8, as run.json needs; rename it")
    parse_augmentation(chosen["augment"])
    if chosen["weights"] != "none" and network.load_weights is None:
        raise ModelError(f'there are no pretrained weights for model "{network.name}"; give --weights none')
    if chosen["weights"] not in ("none", "imagenet") and not Path(chosen["weights"]).exists():
        near = did_you_mean(chosen["weights"], ("imagenet", "none")) or beside(Path(chosen["weights"]))
        raise ModelError(f"there is no {chosen['weights']}; give --weights imagenet, none or a file.{near}")
    return chosen


def refuse_overwriting(run: Run, chosen: dict[str, Any], resume: bool) -> None:
    """Check that `train` makes a new run, or goes on with an unfinished one of the same options.

    Raises:
        RunError: it does not.
    """
    if not resume:
        _refuse_another(run)
        return
    refuse_other_options(run, "train", chosen, _DEFAULTS)
    if run.is_trained():
        raise RunError(f"the training in {run.path} is finished; there is nothing to resume")


def _refuse_another(run: Run) -> None:
    if run.record_file.exists():
        raise RunError(f"{run.path} holds a run already; choose another --out, or go on with it by --resume")


def refuse_other_options(
    run: Run, step: str, asked: dict[str, Any], defaults: Mapping[str, Any] | None = None
) -> None:
    """Check that a step is resumed with the options that it was started with.

    Args:
        run: where it was started.
        step: its name in run.json.
        asked: all options it is resumed with.
        defaults: what an option was, by its name, where the record is older than it.

    Raises:
        RunError: the step was not started, or an option differs.
    """
    started = {**(defaults or {}), **_begun(run, step)}
    for name in {**started, **asked}:
        if name not in started:
            raise RunError(
                f"'{step}' in {run.path} was started by an older edgecnn, which had no option {name}; "
                "start over in another folder"
            )
        if started.get(name) != asked.get(name):
            raise RunError(
                f"'{step}' in {run.path} was started with {name} {started.get(name)}, not {asked.get(name)}; "
                "resume with the same options"
            )


def _begun(run: Run, step: str) -> dict[str, Any]:
    options = run.begun(step)
    if options is not None:
        return options
    if step in run.record():
        raise RunError(f"'{step}' in {run.path} is finished; run it without --resume to start over")
    raise RunError(f"{run.path} has no interrupted '{step}' to resume; run it without --resume")


def refuse_unfit(run: Run) -> None:
    """Check that a run can be compressed.

    Raises:
        RunError: its training is not finished, or an older edgecnn left out what is needed.
    """
    record = run.record()
    missing = [f"{part}.{key}" for part, keys in _NEEDED.items() for key in keys if key not in record[part]]
    missing += [key for key in ("classes", "parameters") if key not in record]
    if missing:
        raise RunError(
            f"{run.record_file} lacks {', '.join(missing)}: another version of edgecnn wrote it; "
            "train again in another folder"
        )
    counts = record["data"]["images"]
    if any(set(counts.get(part, ())) != set(record["classes"]) for part in PARTS):
        raise RunError(f"{run.record_file} is damaged: its numbers of images are not those of its classes")
    run.require_trained()  # only then is there labels.txt
    if run.labels() != record["classes"]:
        raise RunError(f"{run.labels_file} is damaged: it does not hold the classes of run.json")


def refuse_unlike(run: Run, asked: dict[str, Any]) -> None:
    """Check that `compress` goes on with the options that it was begun with.

    Raises:
        RunError: it is finished, was not begun, or not with these.
    """
    started = _begun(run, "compress")
    before, now = _way(started), _way(asked)
    if before != now:
        raise RunError(
            f"'compress' in {run.path} was started to {_WAYS[before]}, not to {_WAYS[now]}; "
            "resume with the same options"
        )
    defaults = _COMPRESS_DEFAULTS if now == _FILTERS else {}
    refuse_other_options(run, "compress", asked, defaults)
