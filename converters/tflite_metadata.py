# SPDX-License-Identifier: Apache-2.0
"""Standard TFLite metadata in a .tflite file: labels, how an image becomes numbers, and a description.

MediaPipe, the TFLite Task Library, Android Studio and model viewers read it. Two parts make it up: a
flatbuffer of its own schema ("M001") in a buffer of the model, found by the entry TFLITE_METADATA, and the
label file, in a zip archive behind the model's last byte. No runtime minds either.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import flatbuffers

from edgecnn.compiler.ir import Fitting, Graph, Normalization, Ranges, Tensor, Window
from edgecnn.compiler.picture import UNIT
from edgecnn.compiler.reading.metadata import (
    AXIS_LABELS,
    ENTRY,
    FITTING_ENTRY,
    NORMALIZATION,
    RANGES_ENTRY,
    SCORE_THRESHOLDING,
    VALUE_LABELS,
    WINDOW_ENTRY,
    ranges_text,
)
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.errors import ModelError
from edgecnn.escape import LONGEST_LABEL, is_label

_LABELS_FILE = "labels.txt"
_OURS = (ENTRY, WINDOW_ENTRY, FITTING_ENTRY, RANGES_ENTRY)  # entries that are written anew
# Enumerations and unions of the metadata schema.
_RGB, _GRAYSCALE = 1, 2
_FEATURE_PROPERTIES, _IMAGE_PROPERTIES = 1, 2
_NUMBERS = "numbers, (number - mean) / std of each channel as below, held between 0 and 1, then quantized"
_PIXELS = "a picture, of its bytes (byte - mean) / std as below, then quantized if the model is"


def add_metadata(
    model: bytes,
    name: str,
    description: str,
    labels: Sequence[str] = (),
    threshold: float | None = None,
    window: Window | None = None,
    normalization: Normalization = UNIT,
    ranges: Ranges | None = None,
) -> bytes:
    """Return `model` with metadata; the same arguments give the same bytes.

    Weights stay aligned, and outputs don't change. What a byte is to an image input is real = (byte - mean) /
    std, as the schema has it: mean 0 and standard deviation 255 for 0 to 1. A quantized model shares that
    with its float twin; its scale and zero point then apply to the real.

    Args:
        model: The bytes of a .tflite file with one input.
        name: The model's name, for people.
        description: What it does and what it is for.
        labels: In the order of the model's output, or for one sigmoid those of 0 and of 1; of several outputs
            those that have as many entries get them.
        threshold: The sigmoid from which on the second label is meant, or a pixel marked; None leaves it at
            0.5.
        window: Of the pictures that it was trained on, where those have more than 8 bits.
        normalization: What a byte of a picture is to it.
        ranges: Of numbers, where it takes those: what of each channel is 0 to 1 to it.

    Raises:
        ModelError: `model` is no such file or carries metadata already, or a label is not one line of text.
    """
    graph = parse(model)
    if len(graph.inputs) != 1 or not graph.outputs:
        raise ModelError(
            f"the model has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs: "
            "metadata can be added to a model with one input"
        )
    image = graph.tensors[graph.inputs[0]]
    for label in labels:
        if not is_label(label):
            raise ModelError(
                f"label {label[:80]!r} can't be stored: it must be a line of printable text of up to "
                f"{LONGEST_LABEL} characters"
            )
    if any(entry == ENTRY for entry, _ in graph.metadata):
        raise ModelError("the model carries metadata already: add them to the file it was before")
    pixels = partial(_input_metadata, tensor=image, pixels=normalization)
    if ranges is not None:
        pixels = partial(_numbers_metadata, ranges=ranges)
    answers = [
        partial(_output_metadata, tensor=graph.tensors[number], name=title, labels=names, threshold=threshold)
        for number, title, names in _answers(graph, labels)
    ]
    metadata = [(ENTRY, _model_metadata(name, description, pixels, answers))]
    if window is not None:
        metadata.insert(0, (WINDOW_ENTRY, str(window).encode("ascii")))
    if ranges is not None:
        metadata.insert(0, (RANGES_ENTRY, ranges_text(ranges).encode("ascii")))
    files = [(_LABELS_FILE, "".join(f"{label}\n" for label in labels).encode())] if labels else []
    return tflite_bytes(replace(graph, metadata=(*graph.metadata, *metadata), files=(*graph.files, *files)))


def _answers(graph: Graph, labels: Sequence[str]) -> Iterator[tuple[int, str, Sequence[str]]]:
    """Yield the number of each output, what it is called, and its labels."""
    for number in graph.outputs:
        title = graph.signature.name(number) if graph.signature and len(graph.outputs) > 1 else ""
        alone = len(graph.outputs) == 1 or graph.tensors[number].shape[-1:] == (len(labels),)
        yield number, title or "probability", labels if alone else ()


def without_metadata(model: bytes) -> bytes:
    """Return `model` without metadata and the files behind it, which are to be written anew.

    Raises:
        ModelError: `model` holds what can't be written anew.
    """
    graph = parse(model)
    kept = tuple((name, data) for name, data in graph.metadata if name not in _OURS)
    if kept == graph.metadata and not graph.files:
        return model
    return tflite_bytes(replace(graph, metadata=kept, files=()))


def add_window(model: bytes, window: str) -> bytes:
    """Return `model` with the window of the pictures that it is for, of which it tells none.

    Raises:
        ModelError: `model` holds what can't be written anew.
    """
    graph = parse(model)
    entry = (WINDOW_ENTRY, window.encode("ascii"))
    return tflite_bytes(replace(graph, metadata=(*graph.metadata, entry)))


def add_fitting(model: bytes, fitting: Fitting) -> bytes:
    """Return `model` with how pictures are fitted for it, of which it tells nothing or something else.

    Raises:
        ModelError: `model` holds what can't be written anew.
    """
    graph = parse(model)
    if graph.fitting == fitting:
        return model
    others = tuple(entry for entry in graph.metadata if entry[0] != FITTING_ENTRY)
    entry = (FITTING_ENTRY, str(fitting).encode("ascii"))
    return tflite_bytes(replace(graph, metadata=(*others, entry)))


def _model_metadata(
    name: str,
    description: str,
    input_: Callable[[flatbuffers.Builder], int],
    outputs: Sequence[Callable[[flatbuffers.Builder], int]],
) -> bytes:
    """Return a ModelMetadata flatbuffer. The numbers before offsets are slots: the order in the schema."""
    builder = flatbuffers.Builder(1024)
    ends = {2: _vector(builder, [input_(builder)]), 3: _vector(builder, [made(builder) for made in outputs])}
    subgraph = _table(builder, ends)
    root = _table(
        builder,
        {
            0: builder.CreateString(name),
            1: builder.CreateString(description),
            3: _vector(builder, [subgraph]),
            7: builder.CreateString("1.0.0"),  # the least version of the schema that knows all of the above
        },
    )
    builder.Finish(root, file_identifier=b"M001")
    return bytes(builder.Output())


def _input_metadata(builder: flatbuffers.Builder, tensor: Tensor, pixels: Normalization) -> int:
    if len(tensor.shape) != 4 or tensor.shape[3] not in (1, 3):
        return _table(builder, {0: builder.CreateString("input"), 3: _content(builder, _FEATURE_PROPERTIES)})
    unit = _normalization(builder, pixels.mean, pixels.deviation)
    color = _GRAYSCALE if tensor.shape[3] == 1 else _RGB
    return _table(
        builder,
        {
            0: builder.CreateString("image"),
            1: builder.CreateString(_PIXELS),
            3: _content(builder, _IMAGE_PROPERTIES, {0: color}),
            4: _vector(builder, [unit]),
        },
    )


def _numbers_metadata(builder: flatbuffers.Builder, ranges: Ranges) -> int:
    """Write what an input of numbers is: each less the least of its channel, divided by what that spans."""
    lows, spans = [low for low, _ in ranges], [high - low for low, high in ranges]
    return _table(
        builder,
        {
            0: builder.CreateString("numbers"),
            1: builder.CreateString(_NUMBERS),
            3: _content(builder, _FEATURE_PROPERTIES),
            4: _vector(builder, [_normalization(builder, lows, spans)]),
        },
    )


def _normalization(builder: flatbuffers.Builder, mean: Sequence[float], deviation: Sequence[float]) -> int:
    options = _table(builder, {0: _floats(builder, mean), 1: _floats(builder, deviation)})
    return _table(builder, {1: options}, {0: NORMALIZATION})


def _output_metadata(
    builder: flatbuffers.Builder, tensor: Tensor, name: str, labels: Sequence[str], threshold: float | None
) -> int:
    fields = {0: builder.CreateString(name), 3: _content(builder, _FEATURE_PROPERTIES)}
    if threshold is not None:
        unit = _table(builder, {1: _number(builder, threshold)}, {0: SCORE_THRESHOLDING})
        fields[4] = _vector(builder, [unit])
    if labels:
        per_entry = tensor.shape[-1:] == (len(labels),)
        file = _table(
            builder,
            {
                0: builder.CreateString(_LABELS_FILE),
                1: builder.CreateString("a label for each entry" if per_entry else "a label for 0 and for 1"),
            },
            {2: AXIS_LABELS if per_entry else VALUE_LABELS},
        )
        fields[6] = _vector(builder, [file])
    return _table(builder, fields)


def _content(builder: flatbuffers.Builder, kind: int, enums: Mapping[int, int] | None = None) -> int:
    return _table(builder, {1: _table(builder, {}, enums)}, {0: kind})


def _table(
    builder: flatbuffers.Builder, offsets: Mapping[int, int], enums: Mapping[int, int] | None = None
) -> int:
    """Write a table whose fields are offsets and one-byte enumerations, by slot."""
    enums = enums or {}
    builder.StartObject(max([*offsets, *enums], default=-1) + 1)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    for slot, value in enums.items():
        builder.PrependUint8Slot(slot, value, 0)
    return int(builder.EndObject())


def _number(builder: flatbuffers.Builder, value: float) -> int:
    """Write a table of one number."""
    builder.StartObject(1)
    builder.PrependFloat32Slot(0, value, 0.0)
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, tables: Sequence[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


def _floats(builder: flatbuffers.Builder, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return int(builder.EndVector())
