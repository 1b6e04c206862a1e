# SPDX-License-Identifier: Apache-2.0
"""Quantize a model and write it as a .tflite file and as C."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgecnn import DISCLAIMER
from edgecnn.compiler import ops
from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.compiler.fits import Needs
from edgecnn.compiler.ir import Graph, Normalization, Operator, Window
from edgecnn.compiler.ops import arg_max, dequantize, logistic, quantize, reshape, softmax, squeeze
from edgecnn.compiler.passes.batch_of_one import batch_of_one
from edgecnn.compiler.picture import parse_normalization, require_channels
from edgecnn.compiler.reading import is_onnx, read_network
from edgecnn.compiler.reading.metadata import ENTRY, read_labels
from edgecnn.compiler.reading.onnx.file import quantizing, read_onnx
from edgecnn.compiler.reading.tflite import parse, read_model
from edgecnn.compiler.writing.text import check_name
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.converters.c_to_web import title_of, write_web
from edgecnn.converters.formats import package_formats
from edgecnn.converters.preprocess_to_c import takes_image, write_preprocess
from edgecnn.converters.tflite_metadata import add_metadata, add_window
from edgecnn.converters.tflite_to_c_array import write_c_array
from edgecnn.data.arrays import REPRESENTATIVE_IMAGES, load_part
from edgecnn.data.dataset import Dataset, list_files, open_dataset, with_window
from edgecnn.data.window import AUTO, NEEDED
from edgecnn.errors import DataError, ModelError
from edgecnn.files import fill, read_bytes, read_text, write_bytes, write_text, write_texts
from edgecnn.models import require_float_model
from edgecnn.pipeline.check_export import Check, answers_like, check_export
from edgecnn.pipeline.model_file import network_name, shape_of_image
from edgecnn.pipeline.run import Run
from edgecnn.progress import Progress, say

Images = npt.NDArray[np.uint8]  # (n, height, width, channels)
DEFAULT_TARGET = "c99"
_INTEGERS = {"int8", "uint8", "int16"}  # what quantized values are stored as


@dataclass(frozen=True)
class _Pictures:
    """What a model is given, to quantize it with and to measure it on."""

    path: Path | None
    window: str = NEEDED
    normalization: Normalization | None = None  # what they are to it; None: that is found in it
    seed: int = 0  # of their split
    unseen: bool = False  # in training, the test part

    def open(self, progress: Progress) -> Dataset:
        assert self.path is not None
        return with_window(open_dataset(self.path, seed=self.seed, progress=progress), self.window, progress)

    def __str__(self) -> str:
        """Say which of them a model is measured on, and what is known of them."""
        known = "not trained on" if self.unseen else "which it may have been trained on"
        return f"the test part of {self.path}, {known}"


@dataclass(frozen=True)
class _Exported:
    tflite: bytes
    labels: tuple[str, ...]
    check: Check | None = None


@dataclass(frozen=True)
class Exported:
    """What `export` wrote.

    Attributes:
        files: where.
        check: what the model answers on labelled images, where there are any.
        needs: what its C takes on a device, where that was written.
        build: the command that builds a firmware package, in its folder.
    """

    files: list[Path]
    check: Check | None
    needs: Needs | None = None
    build: str = ""


@dataclass(frozen=True)
class ExportOptions:
    """What `edgecnn export` is to write.

    Attributes:
        formats: "tflite", "c-array" (data for an interpreter), "c" (a network that needs none, and what turns
            a camera's lines into its input) or "web" (a page that runs it); or, alone, a firmware package of
            `package_formats`.
        name: What the files, and the identifiers in C, are called; None: model_int8, or of another type.
        incbin: Let the C array include the .tflite by the assembler, in place of writing its bytes as text.
        target: What C that needs no interpreter is for, a name from `targets.TARGETS`.
        input_range, mean, std: What a picture is to the source, as `parse_normalization` has it.
        title: What a page in the browser is called; empty: after the network and its classes.
    """

    formats: tuple[str, ...]
    name: str | None = None
    incbin: bool = False
    target: str = DEFAULT_TARGET
    input_range: str = ""
    mean: str = ""
    std: str = ""
    title: str = ""


def export(
    source: Path,
    out: Path,
    options: ExportOptions,
    progress: Progress,
    *,
    data: Path | None = None,
    window: str = NEEDED,
) -> Exported:
    """Write a model in each of the formats asked for; a float model is quantized to int8 first.

    Args:
        source: a run, a .keras or .h5 file of Keras 2 or 3, a SavedModel folder, an .onnx or a .tflite file,
            which are taken as they are where they are quantized already, a .tflite also if `data` is None.
        out: the folder to write to.
        options: what to write.
        progress: told how far each long step is.
        data: images like those the model will see, to take a float model's ranges from (a run knows its own),
            and to measure the model on.
        window: of images of more than 8 bits, as for `with_window`; a run's own, or a file's, goes with it.

    Raises:
        DataError: images are needed and none are given, or can't be used.
        ModelError: `source` is no model, or can't be converted, or an option is of no use for these formats.
        RunError: the training of a run is not finished.
    """
    _check_formats(options.formats)
    _refuse_useless(options)
    if options.name is not None:
        check_name(options.name)
    normalization = parse_normalization(options.input_range, options.mean, options.std)
    pictures = _Pictures(data, window, normalization)
    exported = _as_tflite(source, pictures, options.name or "model_int8", progress)
    name = options.name or f"model_{_input_dtype(exported.tflite)}"
    if options.formats[0] in package_formats():
        return _write_package(options.formats[0], source, out, exported, name, options.target)
    compiled = None
    if "c" in options.formats:
        compiled = compile_tflite(exported.tflite, name=name, labels=exported.labels, target=options.target)
    called = options.name or network_name(source)
    titled = replace(options, title=options.title or title_of(called, exported.labels))
    files = fill(out, partial(_write, exported, titled, name, compiled))
    return Exported(files, exported.check, compiled.model.needs if compiled else None)


def _write(
    exported: _Exported, options: ExportOptions, name: str, compiled: CompiledModel | None, out: Path
) -> list[Path]:
    written, formats = [], options.formats
    if "tflite" in formats:
        written.append(out / f"{name}.tflite")
        write_bytes(written[-1], exported.tflite)
    if exported.labels:
        written.append(out / "labels.txt")
        write_text(written[-1], "".join(f"{label}\n" for label in exported.labels))
    if "c-array" in formats:
        written += write_c_array(out, exported.tflite, name, exported.labels, incbin=options.incbin)
    if compiled is not None:
        written += compiled.write(out)
        if takes_image(compiled.model.original):
            written += write_preprocess(out, exported.tflite, name)
    if "web" in formats:
        written += write_web(out, exported.tflite, options.title, exported.labels)
    return written


def _check_formats(formats: tuple[str, ...]) -> None:
    if {"c-array", "c"} <= set(formats):
        raise ModelError("formats c-array and c both write a header of that name; export them to two folders")
    for form in set(formats) & set(package_formats()):
        if len(formats) > 1:
            raise ModelError(f"format {form} makes a whole folder; export it by itself")


def _refuse_useless(options: ExportOptions) -> None:
    """Refuse options that would change nothing in what is written."""
    formats = ", ".join(options.formats)
    if options.title and "web" not in options.formats:
        raise ModelError(f"--title is of a page: add --format web to {formats}")
    if options.incbin and "c-array" not in options.formats:
        raise ModelError(f"--incbin is of the C array: add --format c-array to {formats}")
    of_c = {"c", *package_formats()} - {"tflm"}
    if options.target != DEFAULT_TARGET and not of_c & set(options.formats):
        raise ModelError(
            f"--target {options.target} is of C that needs no interpreter, not of {formats}: leave it out, "
            "or choose --format c"
        )


def _write_package(
    form: str, source: Path, out: Path, exported: _Exported, name: str, target: str
) -> Exported:
    from edgecnn.converters.package import build_command, make_package, package_files

    card = Run(source).model_card_file
    package = make_package(
        exported.tflite,
        name,
        exported.labels,
        target=target,
        model_card=read_text(card) if card.exists() else None,
    )
    texts = package_files(form, package)
    files = fill(out, partial(write_texts, texts=texts))
    # The C of a package for TFLM is an interpreter's, of which the plan says nothing.
    needs = package.needs if f"{name}.c" in package.c_files and form != "tflm" else None
    return Exported(files, exported.check, needs, build_command(texts))


def _as_tflite(source: Path, pictures: _Pictures, name: str, progress: Progress) -> _Exported:
    if source.suffix == ".tflite":
        return _tflite(source, pictures, name, progress)
    if is_onnx(source) and quantizing(read_onnx(source)):
        return _integer(source, tflite_bytes(read_network(source)), (), pictures, progress)
    run = Run(source)
    if not run.record_file.exists():
        return _keras(source, pictures, name, progress)
    if pictures.normalization is not None:
        raise ModelError(f"{source} is a run, which takes 0 to 1: leave out --input-range, --mean and --std")
    window = _trained_window(source, run.window(), pictures.window)
    compressed, data = run.int8_model.exists(), pictures.path
    if compressed and data is None:
        return _Exported(_windowed(read_bytes(run.int8_model, error=ModelError), window), tuple(run.labels()))
    seed = run.record()["train"]["seed"]
    pictures = _Pictures(data or run.data(), window, seed=seed, unseen=data is None)
    if not compressed:
        run.require_trained()
        return _keras(run.keras_model, pictures, name, progress, own=True)
    tflite, labels = read_bytes(run.int8_model, error=ModelError), tuple(run.labels())
    models = {"float32": read_bytes(run.variant("float32"), error=ModelError), "int8": tflite}
    check = check_export(models, labels, pictures.open(progress), run.input_shape(), str(pictures), progress)
    return _Exported(_windowed(tflite, window), labels, check)


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


def _tflite(source: Path, pictures: _Pictures, name: str, progress: Progress) -> _Exported:
    graph = read_model(source)
    tflite = read_bytes(source, error=ModelError)
    labels, window = read_labels(tflite), _trained_window(source, graph.window, pictures.window)
    pictures = replace(pictures, window=window)
    if not _is_float(graph):
        return _integer(source, tflite, labels, pictures, progress)
    if pictures.path is None:
        _tell_of_logits(source, graph)
        return _Exported(_windowed(_stated(tflite, source, pictures.normalization), window), labels)
    one = batch_of_one(graph)
    shape = shape_of_image(one, source)
    from edgecnn.converters.tflite_image_first import with_unit_image
    from edgecnn.converters.tflite_metadata import without_metadata
    from edgecnn.converters.tflite_probabilities import with_answers
    from edgecnn.converters.tflite_to_float32 import tflite_to_float32
    from edgecnn.converters.tflite_to_int8 import tflite_to_int8

    floats = tflite_to_float32(tflite if one is graph else tflite_bytes(one))
    unit = without_metadata(with_unit_image(floats, source, pictures.normalization))

    def convert(images: Images, labelled: bool) -> dict[str, bytes]:
        answering = with_answers(unit, source, images, labelled=labelled)
        return {"float32": answering, "int8": tflite_to_int8(answering, images)}

    # Labels are for the answer of a model that gives one.
    output = one.tensors[one.outputs[0]].shape if len(one.outputs) == 1 else ()
    return _quantized(convert, shape, output, pictures, name, progress, labels, graph.threshold)


def _integer(
    source: Path, tflite: bytes, labels: tuple[str, ...], pictures: _Pictures, progress: Progress
) -> _Exported:
    """Take a file that is quantized already as it is, and measure it where there are pictures."""
    tflite = _stated(tflite, source, pictures.normalization)
    if pictures.path is None:
        _tell_of_logits(source, parse(tflite))
        return _Exported(_windowed(tflite, pictures.window), labels)
    dataset, shape = pictures.open(progress), shape_of_image(parse(tflite), source)
    check = check_export({"int8": tflite}, labels, dataset, shape, str(pictures), progress)
    return _Exported(_windowed(tflite, pictures.window), labels, check)


def _stated(tflite: bytes, source: Path, normalization: Normalization | None) -> bytes:
    """Put what a picture is to a model into a file that is taken as it is.

    Raises:
        ModelError: the file says otherwise, or has metadata that say nothing of it.
    """
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
    source: Path, pictures: _Pictures, name: str, progress: Progress, *, own: bool = False
) -> _Exported:
    require_float_model(source)
    if pictures.path is None:
        raise DataError(f"{source} is a float model; give images like those it will see by --data")
    list_files(pictures.path)  # what is missing turns out before TensorFlow loads, which takes seconds
    from edgecnn.converters.keras_file import load_float_model, with_answers
    from edgecnn.converters.keras_to_tflite import keras_to_float32, keras_to_int8
    from edgecnn.converters.layer_at_fault import naming_layers

    model = load_float_model(source, own=own, normalization=pictures.normalization)

    def convert(images: Images, labelled: bool) -> dict[str, bytes]:
        answering = with_answers(model, source, images, labelled=labelled)
        int8 = naming_layers(lambda part: keras_to_int8(part, images), answering)
        return {"float32": keras_to_float32(answering), "int8": int8}

    return _quantized(convert, model.input_shape[1:], model.output_shape, pictures, name, progress)


def _quantized(
    convert: Callable[[Images, bool], dict[str, bytes]],
    shape: tuple[int, int, int],
    output: tuple[int, ...],
    pictures: _Pictures,
    name: str,
    progress: Progress,
    labels: tuple[str, ...] = (),
    threshold: float = 0.5,
) -> _Exported:
    """Quantize by images, and measure what became of the model on others.

    Args:
        convert: from images, and whether there are labels for the model's answers, to .tflite files.
        shape: the model's input.
        output: the shape of its answers.
        pictures: what it is given.
        name: what the model is called.
        progress: told how far each step is.
        labels: the classes that the model knows by name.
        threshold: from which on its sigmoid says yes.
    """
    dataset = pictures.open(progress)
    arrays = load_part(dataset, "train", shape, progress)
    labelled = answers_like(output, dataset, shape)
    progress("quantizing", 0, 1)
    models = convert(arrays.sample(REPRESENTATIVE_IMAGES, seed=0), labelled)
    progress("quantizing", 1, 1)
    check = check_export(models, labels, dataset, shape, str(pictures), progress)
    labels = labels or (dataset.classes if labelled and not dataset.masks else ())
    description = f"{name}, quantized with edgecnn. {DISCLAIMER}"
    stored = threshold if threshold != 0.5 else None
    tflite = add_metadata(models["int8"], name, description, labels, stored, dataset.window)
    return _Exported(tflite, labels, check)


def _input_dtype(tflite: bytes) -> str:
    graph = parse(tflite)
    return graph.tensors[graph.inputs[0]].dtype
