# SPDX-License-Identifier: Apache-2.0
"""Quantize a model and write it as a .tflite file and as C."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgecnn import DISCLAIMER
from edgecnn.compiler.c_text import check_name
from edgecnn.compiler.flatbuffer import parse, read_model
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.metadata import WINDOW_ENTRY, Window, read_labels
from edgecnn.converters.c_to_web import write_web
from edgecnn.converters.formats import package_formats
from edgecnn.converters.preprocess_to_c import takes_image, write_preprocess
from edgecnn.converters.tflite_buffer import add_buffer
from edgecnn.converters.tflite_metadata import add_metadata
from edgecnn.converters.tflite_to_c import write_c
from edgecnn.converters.tflite_to_c_array import write_c_array
from edgecnn.data.arrays import REPRESENTATIVE_IMAGES, load_part
from edgecnn.data.dataset import Dataset, list_files, open_dataset, with_window
from edgecnn.data.window import AUTO, NEEDED
from edgecnn.errors import DataError, ModelError
from edgecnn.files import fill, read_bytes, read_text, write_bytes, write_text, write_texts
from edgecnn.models import require_float_model
from edgecnn.pipeline.model_file import image_shape
from edgecnn.pipeline.run import Run
from edgecnn.progress import Progress

_INTEGERS = {"int8", "uint8", "int16"}  # what quantized values are stored as


@dataclass(frozen=True)
class _Exported:
    tflite: bytes
    labels: tuple[str, ...]


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
    """

    formats: tuple[str, ...]
    name: str | None = None
    incbin: bool = False
    target: str = "c99"


def export(
    source: Path,
    out: Path,
    options: ExportOptions,
    progress: Progress,
    *,
    data: Path | None = None,
    window: str = NEEDED,
) -> list[Path]:
    """Write a model in each of the formats asked for; a float model is quantized to int8 first.

    Args:
        source: a run, a .keras or .h5 file of Keras 2 or 3, a SavedModel folder, or a .tflite file, which is
            taken as it is where it is not float, or `data` is None.
        out: the folder to write to.
        options: what to write.
        progress: told how far each long step is.
        data: images like those the model will see, to take a float model's ranges from; a run knows its own.
        window: of images of more than 8 bits, as for `with_window`; a run's own, or a file's, goes with it.

    Returns:
        The files written.

    Raises:
        DataError: images are needed and none are given.
        ModelError: `source` is no model, or can't be converted.
        RunError: the training of a run is not finished.
    """
    _check_formats(options.formats)
    if options.name is not None:
        check_name(options.name)
    exported = _as_tflite(source, data, options.name or "model_int8", window, progress)
    name = options.name or f"model_{_input_dtype(exported.tflite)}"
    if options.formats[0] in package_formats():
        return _write_package(options.formats[0], source, out, exported, name, options.target)
    return fill(out, partial(_write, exported, options, name))


def _write(exported: _Exported, options: ExportOptions, name: str, out: Path) -> list[Path]:
    written, formats = [], options.formats
    if "tflite" in formats:
        written.append(out / f"{name}.tflite")
        write_bytes(written[-1], exported.tflite)
    if exported.labels:
        written.append(out / "labels.txt")
        write_text(written[-1], "".join(f"{label}\n" for label in exported.labels))
    if "c-array" in formats:
        written += write_c_array(out, exported.tflite, name, exported.labels, incbin=options.incbin)
    if "c" in formats:
        written += _write_c(out, exported, name, options.target)
    if "web" in formats:
        written += write_web(out, exported.tflite, name, exported.labels)
    return written


def _check_formats(formats: tuple[str, ...]) -> None:
    if {"c-array", "c"} <= set(formats):
        raise ModelError("formats c-array and c both write a header of that name; export them to two folders")
    for form in set(formats) & set(package_formats()):
        if len(formats) > 1:
            raise ModelError(f"format {form} makes a whole folder; export it by itself")


def _write_c(out: Path, exported: _Exported, name: str, target: str) -> list[Path]:
    written = write_c(out, exported.tflite, name, exported.labels, target=target)
    if takes_image(parse(exported.tflite)):
        written += write_preprocess(out, exported.tflite, name)
    return written


def _write_package(
    form: str, source: Path, out: Path, exported: _Exported, name: str, target: str
) -> list[Path]:
    from edgecnn.converters.package import make_package, package_files

    card = Run(source).model_card_file
    package = make_package(
        exported.tflite,
        name,
        exported.labels,
        target=target,
        model_card=read_text(card) if card.exists() else None,
    )
    return fill(out, partial(write_texts, texts=package_files(form, package)))


def _as_tflite(source: Path, data: Path | None, name: str, window: str, progress: Progress) -> _Exported:
    if source.suffix == ".tflite":
        return _tflite(source, data, name, window, progress)
    run = Run(source)
    if not run.record_file.exists():
        return _keras(source, data, name, window, progress)
    window = _trained_window(source, run.window(), window)
    if run.int8_model.exists():
        return _Exported(_windowed(read_bytes(run.int8_model, error=ModelError), window), tuple(run.labels()))
    run.require_trained()
    return _keras(run.keras_model, data or run.data(), name, window, progress)


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
    return add_buffer(tflite, WINDOW_ENTRY, choice.encode("ascii"))


def _tflite(source: Path, data: Path | None, name: str, window: str, progress: Progress) -> _Exported:
    graph = read_model(source)
    tflite = read_bytes(source, error=ModelError)
    labels, window = read_labels(tflite), _trained_window(source, graph.window, window)
    if data is None or not _is_float(graph):
        return _Exported(_windowed(tflite, window), labels)
    _require_float_weights(source, graph)
    from edgecnn.converters.tflite_to_int8 import tflite_to_int8

    quantize = partial(tflite_to_int8, tflite)
    return _quantized(quantize, image_shape(source), data, name, window, progress, labels)


def _is_float(graph: Graph) -> bool:
    """Say whether a model computes in floats; one of integers may still take and give floats."""
    return not any(tensor.data is None and tensor.dtype in _INTEGERS for tensor in graph.tensors)


def _require_float_weights(source: Path, graph: Graph) -> None:
    """Check that a float model has nothing quantized in it: of float16, TensorFlow's calibrator crashes."""
    for tensor in graph.tensors:
        if tensor.data is not None and tensor.dtype in {*_INTEGERS, "float16"}:
            raise ModelError(
                f'{source}: tensor "{tensor.name}" holds weights of {tensor.dtype}; only a model of float32 '
                "can be quantized: export what this file was made from"
            )


def _keras(source: Path, data: Path | None, name: str, window: str, progress: Progress) -> _Exported:
    require_float_model(source)
    if data is None:
        raise DataError(f"{source} is a float model; give images like those it will see by --data")
    list_files(data)  # what is missing turns out before TensorFlow loads, which takes seconds
    from edgecnn.converters.keras_file import load_float_model
    from edgecnn.converters.keras_to_tflite import keras_to_int8

    model = load_float_model(source)
    return _quantized(partial(keras_to_int8, model), model.input_shape[1:], data, name, window, progress)


def _quantized(
    quantize: Callable[[npt.NDArray[np.uint8]], bytes],
    shape: tuple[int, int, int],
    data: Path,
    name: str,
    window: str,
    progress: Progress,
    labels: tuple[str, ...] = (),
) -> _Exported:
    dataset = with_window(open_dataset(data, seed=0, progress=progress), window, progress)
    arrays = load_part(dataset, "train", shape, progress)
    progress("quantizing", 0, 1)
    tflite = quantize(arrays.sample(REPRESENTATIVE_IMAGES, seed=0))
    progress("quantizing", 1, 1)
    labels = labels or _labels(tflite, dataset)
    description = f"{name}, quantized with edgecnn. {DISCLAIMER}"
    return _Exported(add_metadata(tflite, name, description, labels, window=dataset.window), labels)


def _labels(tflite: bytes, dataset: Dataset) -> tuple[str, ...]:
    """Return the names of the images' folders, if they are as many as the model's answers."""
    graph = parse(tflite)
    shape = graph.tensors[graph.outputs[0]].shape
    # A single answer, a sigmoid, is that of two classes.
    return dataset.classes if len(shape) == 2 and max(2, shape[1]) == len(dataset.classes) else ()


def _input_dtype(tflite: bytes) -> str:
    graph = parse(tflite)
    return graph.tensors[graph.inputs[0]].dtype
