# SPDX-License-Identifier: Apache-2.0
"""Quantize a model and write it as a .tflite file and as C."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.compiler.fits import Needs
from edgecnn.compiler.ir import SQUASHED, Fitting
from edgecnn.compiler.picture import parse_normalization, parse_number_scaling
from edgecnn.compiler.reading.tflite import parse, read_model
from edgecnn.compiler.writing.text import check_name
from edgecnn.converters.c_to_web import title_of, write_web
from edgecnn.converters.formats import package_formats
from edgecnn.converters.numbers_to_c import write_numbers
from edgecnn.converters.preprocess_to_c import takes_image, write_preprocess
from edgecnn.converters.tflite_to_c_array import write_c_array
from edgecnn.data.dataset import list_files
from edgecnn.data.window import NEEDED
from edgecnn.errors import ModelError
from edgecnn.files import fill, read_text, write_bytes, write_text, write_texts
from edgecnn.pipeline.check_export import Check
from edgecnn.pipeline.model_file import network_name
from edgecnn.pipeline.quantize import Pictures, Quantized, as_tflite
from edgecnn.pipeline.run import Run
from edgecnn.progress import Progress

DEFAULT_TARGET = "c99"


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
        fit, resize, channels_order: How a picture becomes its pixels, of values' FITS, RESIZES and ORDERS;
            None: as the source says, else squashed, by the triangle filter, red first.
        title: What a page in the browser is called; empty: after the network and its classes.
    """

    formats: tuple[str, ...]
    name: str | None = None
    incbin: bool = False
    target: str = DEFAULT_TARGET
    input_range: str = ""
    mean: str = ""
    std: str = ""
    fit: str | None = None
    resize: str | None = None
    channels_order: str | None = None
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
    listing = None if data is None else list_files(data)  # what is missing turns out before TensorFlow loads
    numbers = listing is not None and listing.numbers
    parse_said = parse_number_scaling if numbers else parse_normalization
    normalization = parse_said(options.input_range, options.mean, options.std)
    pictures = Pictures(data, listing, window, normalization, _fitting(source, options, numbers))
    exported = as_tflite(source, pictures, options.name or "model_int8", progress)
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


def _fitting(source: Path, options: ExportOptions, numbers: bool) -> Fitting | None:
    """Return how pictures are to be fitted, where anything of that is said.

    Raises:
        ModelError: it is said of numbers.
    """
    said = (options.fit, options.resize, options.channels_order)
    if not any(said):
        return None
    if numbers:
        raise ModelError(
            "--fit, --resize and --channels-order are of pictures, not of numbers: leave them out"
        )
    stored = read_model(source).fitting if source.suffix == ".tflite" else SQUASHED
    return Fitting(*(new or old for new, old in zip(said, stored, strict=True)))


def _write(
    exported: Quantized, options: ExportOptions, name: str, compiled: CompiledModel | None, out: Path
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
        if compiled.model.original.ranges is not None:
            written += write_numbers(out, exported.tflite, name)
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
    form: str, source: Path, out: Path, exported: Quantized, name: str, target: str
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


def _input_dtype(tflite: bytes) -> str:
    graph = parse(tflite)
    return graph.tensors[graph.inputs[0]].dtype
