# SPDX-License-Identifier: Apache-2.0
"""Quantize a model and write it as a .tflite file and as C."""

from dataclasses import dataclass
from pathlib import Path

from edgecnn.compiler.flatbuffer import read_model
from edgecnn.converters.tflite_metadata import add_metadata, read_labels
from edgecnn.converters.tflite_to_c import write_c
from edgecnn.converters.tflite_to_c_array import write_c_array
from edgecnn.data.arrays import load_arrays
from edgecnn.data.dataset import Dataset, open_dataset
from edgecnn.errors import DataError, ModelError
from edgecnn.files import write_bytes, write_text
from edgecnn.pipeline.compress import representative_images
from edgecnn.pipeline.run import Run
from edgecnn.progress import Progress


@dataclass(frozen=True)
class _Exported:
    tflite: bytes
    labels: tuple[str, ...]


def export(
    source: Path,
    out: Path,
    formats: tuple[str, ...],
    name: str,
    progress: Progress,
    *,
    data: Path | None = None,
    incbin: bool = False,
) -> list[Path]:
    """Write a model in each of `formats`; a float Keras model or SavedModel is quantized to int8 first.

    Args:
        source: a run, a .keras or .h5 file of Keras 2 or 3, a SavedModel folder, or a .tflite file, which is
            taken as it is.
        out: the folder to write to.
        formats: "tflite", "c-array" (data for an interpreter) or "c" (a network that needs none).
        name: what the files, and the identifiers in C, are called.
        progress: told how far each long step is.
        data: images like those the model will see, to take a float model's ranges from; a run knows its own.
        incbin: let the C array include the .tflite by the assembler, in place of writing its bytes as text.

    Returns:
        The files written.

    Raises:
        DataError: images are needed and none are given.
        ModelError: `source` is no model, or can't be converted.
    """
    if {"c-array", "c"} <= set(formats):
        raise ModelError(f"formats c-array and c both write {name}.h; export them to two folders")
    exported = _as_tflite(source, data, name, progress)
    written = []
    if "tflite" in formats:
        written.append(out / f"{name}.tflite")
        write_bytes(written[-1], exported.tflite)
    if exported.labels:
        written.append(out / "labels.txt")
        write_text(written[-1], "".join(f"{label}\n" for label in exported.labels))
    if "c-array" in formats:
        written += write_c_array(out, exported.tflite, name, exported.labels, incbin=incbin)
    if "c" in formats:
        written += write_c(out, exported.tflite, name, exported.labels)
    return written


def _as_tflite(source: Path, data: Path | None, name: str, progress: Progress) -> _Exported:
    if source.suffix == ".tflite":
        read_model(source)
        tflite = source.read_bytes()
        return _Exported(tflite, tuple(read_labels(tflite) or ()))
    run = Run(source)
    if run.record_file.exists():
        if run.int8_model.exists():
            return _Exported(run.int8_model.read_bytes(), tuple(run.labels()))
        if not run.keras_model.exists():
            raise ModelError(
                f"the training in {source} is not finished; go on with it by 'edgecnn train --resume'"
            )
        return _quantize(run.keras_model, data or run.data(), name, progress)
    if data is None:
        raise DataError(f"{source} is a float model; give images like those it will see by --data")
    return _quantize(source, data, name, progress)


def _quantize(source: Path, data: Path, name: str, progress: Progress) -> _Exported:
    from edgecnn.converters.keras_file import load_float_model
    from edgecnn.converters.keras_to_tflite import keras_to_int8

    model = load_float_model(source)
    dataset = open_dataset(data, seed=0, progress=progress)
    height, width, channels = model.input_shape[1:]
    arrays = load_arrays(dataset.part("train"), height, width, channels, progress)
    progress("quantizing", 0, 1)
    tflite = keras_to_int8(model, representative_images(arrays, seed=0))
    progress("quantizing", 1, 1)
    labels = dataset.classes if _outputs(dataset, model) else ()
    description = f"{name}, quantized with edgecnn. For research and education, not for diagnosis."
    return _Exported(add_metadata(tflite, name, description, labels), labels)


def _outputs(dataset: Dataset, model: object) -> bool:
    """Whether the folders of the images name the model's outputs."""
    return getattr(model, "output_shape", (None,))[-1] == len(dataset.classes)
