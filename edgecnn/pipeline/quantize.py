# SPDX-License-Identifier: Apache-2.0
"""A run, or a model of anybody's, to a .tflite file: quantized by data like those that it will see."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgecnn import DISCLAIMER
from edgecnn.compiler import ops
from edgecnn.compiler.ir import SQUASHED, Fitting, Graph, Normalization, Operator, Ranges, Window
from edgecnn.compiler.numbers import of_scale, seen_as
from edgecnn.compiler.ops import arg_max, dequantize, logistic, quantize, reshape, softmax, squeeze
from edgecnn.compiler.passes.batch_of_one import batch_of_one
from edgecnn.compiler.picture import in_order, require_channels, require_order
from edgecnn.compiler.quant import limits
from edgecnn.compiler.reading import is_onnx, read_network
from edgecnn.compiler.reading.metadata import ENTRY, read_labels
from edgecnn.compiler.reading.onnx.file import quantizing, read_onnx
from edgecnn.compiler.reading.tflite import parse, read_model
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.converters.tflite_metadata import add_fitting, add_metadata, add_window
from edgecnn.data.arrays import REPRESENTATIVE_IMAGES, load_part, with_values
from edgecnn.data.dataset import Dataset, Listing, list_files, open_listed
from edgecnn.data.window import AUTO, NEEDED
from edgecnn.errors import DataError, ModelError
from edgecnn.files import read_bytes
from edgecnn.models import map_shape, require_float_model
from edgecnn.pipeline.check_export import Check, answers_like, check_export
from edgecnn.pipeline.model_file import numbers_shape, shape_of_image
from edgecnn.pipeline.run import Run
from edgecnn.progress import Progress, say

Images = npt.NDArray[np.uint8]  # (n, height, width, channels)
_INTEGERS = {"int8", "uint8", "int16"}  # what quantized values are stored as


@dataclass(frozen=True)
class Pictures:
    """What a model is given, pictures or numbers, to quantize it with and to measure it on."""

    path: Path | None
    listing: Listing | None  # of `path`
    window: str = NEEDED
    normalization: Normalization | None = None  # what they are to it; None: that is found in it
    fitting: Fitting | None = None  # how they become pixels; None: as the model says
    ranges: Ranges | None = None  # of numbers, where they are known; None: learned
    seed: int = 0  # of their split
    unseen: bool = False  # in training, the test part

    @property
    def numbers(self) -> bool:
        """Whether they are numbers."""
        return self.listing is not None and self.listing.numbers

    def open(self, progress: Progress, fitting: Fitting, channels: int | None = None) -> Dataset:
        """Open them; numbers are to become bytes where `channels` says how many they have."""
        assert self.listing is not None
        dataset = open_listed(self.listing, seed=self.seed, strict=False, progress=progress)
        dataset = replace(dataset, fitting=fitting)
        if dataset.numbers and (channels is None or self.ranges is not None):
            return replace(dataset, ranges=self.ranges)
        return with_values(dataset, self.window, channels or 0, progress)

    def __str__(self) -> str:
        """Say which of them a model is measured on, and what is known of them."""
        known = "not trained on" if self.unseen else "which it may have been trained on"
        return f"the test part of {self.path}, {known}"


@dataclass(frozen=True)
class Quantized:
    """The bytes of a .tflite file, the classes that it names, and how it answers, where there are labels."""

    tflite: bytes
    labels: tuple[str, ...]
    check: Check | None = None


def as_tflite(source: Path, pictures: Pictures, name: str, progress: Progress) -> Quantized:
    """Return a source of `export` as a .tflite file, called `name`, with the errors of that."""
    if source.suffix == ".tflite":
        return _tflite(source, pictures, name, progress)
    if is_onnx(source) and quantizing(read_onnx(source)):
        return _integer(source, tflite_bytes(read_network(source)), (), pictures, progress)
    run = Run(source)
    if not run.record_file.exists():
        return _keras(source, pictures, name, progress)
    if pictures.normalization is not None:
        raise ModelError(f"{source} is a run, which takes 0 to 1: leave out --input-range, --mean and --std")
    if pictures.fitting is not None:
        raise ModelError(
            f"{source} is a run, trained with --fit {run.fitting().fit} and --resize {run.fitting().resize}: "
            "leave out what says how pictures are fitted"
        )
    if pictures.listing is not None and pictures.numbers != (run.ranges() is not None):
        raise DataError(f"{pictures.path} and what {source} was trained on are not both images, or numbers")
    if run.ranges() is not None and pictures.window != NEEDED:
        raise ModelError(f"{source} was trained on numbers and has ranges of its own; leave out --window")
    window = _trained_window(source, run.window(), pictures.window)
    compressed, data = run.int8_model.exists(), pictures.path
    if compressed and data is None:
        return Quantized(_windowed(read_bytes(run.int8_model, error=ModelError), window), tuple(run.labels()))
    seed = run.record()["train"]["seed"]
    path = data or run.data()
    known = Pictures(path, list_files(path), window, seed=seed, unseen=data is None)
    pictures = replace(known, fitting=run.fitting())
    if not compressed:
        run.require_trained()
        pictures = replace(pictures, ranges=run.ranges())
        return _keras(run.keras_model, pictures, name, progress, own=True)
    tflite, labels = read_bytes(run.int8_model, error=ModelError), tuple(run.labels())
    models = {"float32": read_bytes(run.variant("float32"), error=ModelError), "int8": tflite}
    dataset = pictures.open(progress, run.fitting())
    check = check_export(models, labels, dataset, run.input_shape(), str(pictures), progress)
    return Quantized(_windowed(tflite, window), labels, check)


def _trained_window(source: Path, trained: Window | None, choice: str) -> str:
    """Return the window that a model was trained with, else the chosen one.

    Raises:
        ModelError: another one is chosen than it was trained with.
    """
    if trained is None:
        return choice
    if choice not in (NEEDED, str(trained)):
        raise ModelError(f"{source} was trained with window {trained}, not {choice}; leave out --window")
    return str(trained)


def _windowed(tflite: bytes, choice: str) -> bytes:
    """Put a chosen window into a file that is taken as it is."""
    if choice == NEEDED or str(parse(tflite).window) == choice:
        return tflite
    if choice == AUTO:
        raise DataError("window auto is found in images, and none are looked at here; give LOW:HIGH")
    return add_window(tflite, choice)


def _tflite(source: Path, pictures: Pictures, name: str, progress: Progress) -> Quantized:
    graph = read_model(source)
    tflite = read_bytes(source, error=ModelError)
    labels, window = read_labels(tflite), _trained_window(source, graph.window, pictures.window)
    pictures = replace(pictures, window=window)
    if not _is_float(graph):
        return _integer(source, tflite, labels, pictures, progress)
    if pictures.path is None:
        _tell_of_logits(source, graph)
        tflite = _stated(tflite, source, pictures)
        return Quantized(_windowed(tflite, window), labels)
    return _floats(source, tflite, graph, pictures, name, progress)


def _floats(
    source: Path, tflite: bytes, graph: Graph, pictures: Pictures, name: str, progress: Progress
) -> Quantized:
    """Quantize a .tflite file of floats; `graph` is what is read in it."""
    one = batch_of_one(graph)
    shape = (numbers_shape if pictures.numbers else shape_of_image)(one, source)
    from edgecnn.converters.tflite_image_first import with_unit_image
    from edgecnn.converters.tflite_metadata import without_metadata
    from edgecnn.converters.tflite_numbers_first import with_unit_numbers
    from edgecnn.converters.tflite_probabilities import with_answers
    from edgecnn.converters.tflite_to_float32 import tflite_to_float32
    from edgecnn.converters.tflite_to_int8 import tflite_to_int8

    floats = tflite_to_float32(tflite if one is graph else tflite_bytes(one))
    fitting = pictures.fitting or graph.fitting
    dataset = pictures.open(progress, fitting._replace(order="RGB"), shape[-1])
    if dataset.ranges is None:
        unit = without_metadata(with_unit_image(floats, source, pictures.normalization, fitting.order))
    else:
        unit = without_metadata(with_unit_numbers(floats, seen_as(dataset.ranges, pictures.normalization)))

    def convert(images: Images, labelled: bool) -> dict[str, bytes]:
        answering = with_answers(unit, source, images, labelled=labelled)
        return {"float32": answering, "int8": tflite_to_int8(answering, images)}

    # Labels are for the answer of a model that gives one.
    output = one.tensors[one.outputs[0]].shape if len(one.outputs) == 1 else ()
    known = str(pictures)
    return _quantized(convert, map_shape(shape), output, dataset, known, name, progress, graph)


def _integer(
    source: Path, tflite: bytes, labels: tuple[str, ...], pictures: Pictures, progress: Progress
) -> Quantized:
    """Take a file that is quantized already as it is, and measure it where there are pictures."""
    if pictures.numbers and pictures.window != NEEDED:
        raise ModelError(f"{source} takes numbers by the scale of its input; leave out --window")
    state = _stated_numbers if pictures.numbers else _stated
    tflite = state(tflite, source, pictures)
    if pictures.path is None:
        _tell_of_logits(source, parse(tflite))
        return Quantized(_windowed(tflite, pictures.window), labels)
    graph = parse(tflite)
    shape = numbers_shape(graph, source) if pictures.numbers else shape_of_image(graph, source)
    dataset = pictures.open(progress, graph.fitting)
    check = check_export({"int8": tflite}, labels, dataset, shape, str(pictures), progress)
    return Quantized(_windowed(tflite, pictures.window), labels, check)


def _stated(tflite: bytes, source: Path, pictures: Pictures) -> bytes:
    """Put what a picture is to a model, and how it is fitted, into a file that is taken as it is.

    Raises:
        ModelError: the file says otherwise, or has metadata that say nothing of it.
    """
    fitting = pictures.fitting or parse(tflite).fitting
    require_order(fitting.order, parse(tflite).tensors[parse(tflite).inputs[0]].shape[-1], str(source))
    normalization = pictures.normalization and in_order(pictures.normalization, fitting.order)
    return add_fitting(_normalized(tflite, source, normalization), fitting)


def _normalized(tflite: bytes, source: Path, normalization: Normalization | None) -> bytes:
    graph = parse(tflite)
    if normalization is None or graph.normalization == normalization:
        return tflite
    require_channels(normalization, shape_of_image(graph, source)[-1], str(source))
    if any(name == ENTRY for name, _ in graph.metadata):
        said = graph.normalization or "nothing that is known"
        raise ModelError(
            f"{source} carries metadata already, by which a pixel is {said}: leave out --input-range, --mean "
            "and --std"
        )
    description = f"{source.stem}, of another's making. {DISCLAIMER}"
    return add_metadata(tflite, source.stem, description, normalization=normalization)


def _stated_numbers(tflite: bytes, source: Path, pictures: Pictures) -> bytes:
    """Put what numbers are to a model, less a mean and divided by a deviation, into a file taken as it is.

    Raises:
        ModelError: the file has metadata, or doesn't take 8 bits.
    """
    scaling = pictures.normalization
    if scaling is None:
        return tflite
    graph = parse(tflite)
    image = graph.tensors[graph.inputs[0]]
    if image.quantization is None or image.dtype not in ("int8", "uint8"):
        raise ModelError(f"{source} takes {image.dtype}: leave out --mean and --std, and scale the numbers")
    if any(name == ENTRY for name, _ in graph.metadata):
        raise ModelError(f"{source} carries metadata already: leave out --mean and --std")
    ends = of_scale(image.quantization.scale, image.quantization.zero_point, limits(image.dtype)[0])
    mean, deviation = (np.array(values) for values in scaling)
    back = Normalization(tuple((-mean / deviation).tolist()), tuple((1 / deviation).tolist()))
    description = f"{source.stem}, of another's making. {DISCLAIMER}"
    return add_metadata(tflite, source.stem, description, ranges=seen_as(ends, back))


def _tell_of_logits(source: Path, graph: Graph) -> None:
    """Warn of a file, taken as it is, that answers with a row of numbers which nothing bounds."""
    makers = {number: operator for operator in graph.operators for number in operator.outputs}
    last = makers.get(graph.outputs[0])
    while last and ops.is_a(last, quantize, dequantize, reshape, squeeze):
        last = makers.get(last.inputs[0])
    if last and len(graph.tensors[graph.outputs[0]].shape) == 2 and not _is_bounded(last):
        say(
            f"{source} answers by {last.op}: if it tells classes apart, those are logits, not probabilities; "
            "put a softmax or sigmoid behind them where probabilities are asked for"
        )


def _is_bounded(operator: Operator) -> bool:
    return ops.is_a(operator, softmax, logistic, arg_max)


def _is_float(graph: Graph) -> bool:
    """Say whether a model computes in floats; one of integers may still take and give floats."""
    return not any(tensor.data is None and tensor.dtype in _INTEGERS for tensor in graph.tensors)


def _keras(
    source: Path, pictures: Pictures, name: str, progress: Progress, *, own: bool = False
) -> Quantized:
    require_float_model(source)
    if pictures.path is None:
        raise DataError(f"{source} is a float model; give images like those it will see by --data")
    from edgecnn.converters.keras_file import load_float_model, load_numbers_model, with_answers, with_ranges
    from edgecnn.converters.keras_to_tflite import keras_to_float32, keras_to_int8
    from edgecnn.converters.layer_at_fault import naming_layers

    fitting = pictures.fitting or SQUASHED
    if pictures.numbers and not own:
        model = load_numbers_model(source)
    else:
        model = load_float_model(source, own=own, normalization=pictures.normalization, order=fitting.order)
    if pictures.numbers and not hasattr(model, "layers"):
        tflite = keras_to_float32(model)
        return _floats(source, tflite, parse(tflite), pictures, name, progress)
    dataset = pictures.open(progress, fitting._replace(order="RGB"), model.input_shape[-1])
    if dataset.ranges is not None and not own:
        model = with_ranges(model, source, seen_as(dataset.ranges, pictures.normalization))

    def convert(images: Images, labelled: bool) -> dict[str, bytes]:
        answering = with_answers(model, source, images, labelled=labelled)
        int8 = naming_layers(lambda part: keras_to_int8(part, images), answering)
        return {"float32": keras_to_float32(answering), "int8": int8}

    known = str(pictures)
    return _quantized(convert, model.input_shape[1:], model.output_shape, dataset, known, name, progress)


def _quantized(
    convert: Callable[[Images, bool], dict[str, bytes]],
    shape: tuple[int, int, int],
    output: tuple[int, ...],
    dataset: Dataset,
    known: str,
    name: str,
    progress: Progress,
    original: Graph | None = None,
) -> Quantized:
    """Quantize by images, and measure what became of the model on others.

    Args:
        convert: from images, and whether there are labels for the model's answers, to .tflite files.
        shape: the model's input.
        output: the shape of its answers.
        dataset: what it is given, with a window or ranges.
        known: what is known of that.
        name: what the model is called.
        progress: told how far each step is.
        original: a .tflite file that is quantized, which may tell its labels and threshold.
    """
    labels, threshold = (original.labels, original.threshold) if original else ((), 0.5)
    arrays = load_part(dataset, "train", shape, progress)
    labelled = answers_like(output, dataset, shape)
    progress("quantizing", 0, 1)
    models = convert(arrays.sample(REPRESENTATIVE_IMAGES, seed=0), labelled)
    progress("quantizing", 1, 1)
    check = check_export(models, labels, dataset, shape, known, progress)
    labels = labels or (dataset.classes if labelled and not dataset.masks else ())
    description = f"{name}, quantized with edgecnn. {DISCLAIMER}"
    stored = threshold if threshold != 0.5 else None
    tflite = add_metadata(
        models["int8"], name, description, labels, stored, dataset.window, ranges=dataset.ranges
    )
    tflite = add_fitting(tflite, dataset.fitting)
    return Quantized(tflite, labels, check)
