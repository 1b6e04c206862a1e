# SPDX-License-Identifier: Apache-2.0
"""Standard TFLite metadata in a .tflite file: labels, how an image becomes numbers, and a description.

MediaPipe, the TFLite Task Library, Android Studio and model viewers read it. Two parts make it up: a
flatbuffer of its own schema ("M001") in a buffer of the model, found by the entry TFLITE_METADATA, and the
label file, in a zip archive behind the model's last byte. No runtime minds either.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence

import flatbuffers
import tflite
from flatbuffers.number_types import SOffsetTFlags, Uint8Flags, Uint16Flags, Uint32Flags
from flatbuffers.table import Table

from edgecnn.compiler.flatbuffer import parse
from edgecnn.compiler.ir import Tensor
from edgecnn.errors import ModelError

_ENTRY = b"TFLITE_METADATA"
_LABELS_FILE = "labels.txt"
_LABELS_BYTES_MAX = 1 << 20  # bounds what a hostile file can make us unpack
# Enumerations and unions of the metadata schema.
_AXIS_LABELS, _VALUE_LABELS = 2, 3
_RGB, _GRAYSCALE = 1, 2
_FEATURE_PROPERTIES, _IMAGE_PROPERTIES = 1, 2
_NORMALIZATION_OPTIONS = 1
# Slots of the table Model in the .tflite schema: 0 is a number, 1 to 7 are offsets.
_MODEL_SLOTS, _BUFFERS, _METADATA = 8, 4, 6
# What the schema's reader raises on corrupt files.
_CORRUPT = (struct.error, AttributeError, IndexError, TypeError, ValueError)


def add_metadata(model: bytes, name: str, description: str, labels: Sequence[str] = ()) -> bytes:
    """Return `model` with metadata; the same arguments give the same bytes.

    Weights stay aligned as before, and outputs don't change. An image input is said to be normalized as
    real = byte / 255: mean 0 and standard deviation 255 in the schema's formula (x - mean) / std. A quantized
    model shares that with its float twin; its scale and zero point then apply to the real.

    Args:
        model: The bytes of a .tflite file with one input and one output.
        name: The model's name, for people.
        description: What it does and what it is for.
        labels: In the order of the model's output, or for one sigmoid those of 0 and of 1.

    Raises:
        ModelError: `model` is no such file or carries metadata already, or a label is not one line of text.
    """
    graph = parse(model)
    if (len(graph.inputs), len(graph.outputs)) != (1, 1):
        raise ModelError(
            f"the model has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs: "
            "metadata can be added to a model with one of each"
        )
    image, output = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    for label in labels:
        if not label.strip() or not label.isprintable():
            raise ModelError(f"label {label!r} can't be stored: it must be a line of printable text")
    metadata = _model_metadata(name, description, image, output, labels)
    try:
        model = _with_buffer(model, _ENTRY, metadata)
    except _CORRUPT as error:
        raise ModelError(f"the .tflite file is damaged ({error}); export it again") from error
    return _with_file(model, _LABELS_FILE, "".join(f"{label}\n" for label in labels)) if labels else model


def read_labels(model: bytes) -> tuple[str, ...] | None:
    """Return the labels in a model's metadata, in the order of its output; None if it carries none.

    Raises:
        ModelError: `model` is no .tflite file, or a broken one.
    """
    parse(model)
    try:
        file_name = _labels_file_name(model)
        if file_name is None:
            return None
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            if archive.getinfo(file_name).file_size > _LABELS_BYTES_MAX:
                raise ModelError(f"{file_name} in the model's metadata has over {_LABELS_BYTES_MAX} bytes")
            text = archive.read(file_name).decode()
    except (*_CORRUPT, KeyError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise ModelError(f"the model's metadata are damaged ({error}); export it again") from error
    return tuple(line.rstrip("\r") for line in text.rstrip("\r\n").split("\n"))


def _model_metadata(
    name: str, description: str, input_: Tensor, output: Tensor, labels: Sequence[str]
) -> bytes:
    """Return a ModelMetadata flatbuffer. The numbers before offsets are slots: the order in the schema."""
    builder = flatbuffers.Builder(1024)
    subgraph = _table(
        builder,
        {
            2: _vector(builder, [_input_metadata(builder, input_)]),
            3: _vector(builder, [_output_metadata(builder, output, labels)]),
        },
    )
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


def _input_metadata(builder: flatbuffers.Builder, tensor: Tensor) -> int:
    if len(tensor.shape) != 4 or tensor.shape[3] not in (1, 3):
        return _table(builder, {0: builder.CreateString("input"), 3: _content(builder, _FEATURE_PROPERTIES)})
    normalization = _table(builder, {0: _floats(builder, [0.0]), 1: _floats(builder, [255.0])})
    unit = _table(builder, {1: normalization}, {0: _NORMALIZATION_OPTIONS})
    color = _GRAYSCALE if tensor.shape[3] == 1 else _RGB
    return _table(
        builder,
        {
            0: builder.CreateString("image"),
            1: builder.CreateString("a picture, its bytes divided by 255, then quantized if the model is"),
            3: _content(builder, _IMAGE_PROPERTIES, {0: color}),
            4: _vector(builder, [unit]),
        },
    )


def _output_metadata(builder: flatbuffers.Builder, tensor: Tensor, labels: Sequence[str]) -> int:
    fields = {0: builder.CreateString("probability"), 3: _content(builder, _FEATURE_PROPERTIES)}
    if labels:
        per_entry = tensor.shape[-1:] == (len(labels),)
        file = _table(
            builder,
            {
                0: builder.CreateString(_LABELS_FILE),
                1: builder.CreateString("a label for each entry" if per_entry else "a label for 0 and for 1"),
            },
            {2: _AXIS_LABELS if per_entry else _VALUE_LABELS},
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


def _with_buffer(model: bytes, name: bytes, data: bytes) -> bytes:
    """Return `model` with one more buffer, holding `data`, and a metadata entry `name` that leads to it.

    A new Model table and longer vectors of metadata entries and buffers go in front. Offsets in a flatbuffer
    lead forward only, so they reach all of the old bytes, which stay as they are; the front is a multiple of
    16 bytes long, so weights stay aligned. (Repacking through the flatbuffers package loses that.)
    """
    root = _root(model)
    entries, buffers = _tables(root, _METADATA), _tables(root, _BUFFERS)
    _check_can_grow(root, entries, buffers, name)
    fields = {_BUFFERS, _METADATA, *(slot for slot in range(_MODEL_SLOTS) if root.Offset(4 + 2 * slot))}

    front = _Front()
    front.put("I4s", 28, b"TFL3")
    front.put("10H", 20, 36, *(4 + 4 * slot if slot in fields else 0 for slot in range(_MODEL_SLOTS)))
    version = root.Get(Uint32Flags, root.Pos + root.Offset(4)) if 0 in fields else 0
    table = front.put("iI28x", 20, version)
    for slot in fields:
        if slot not in (0, _BUFFERS, _METADATA):
            front.link_to_old(table + 4 + 4 * slot, root.Indirect(root.Pos + root.Offset(4 + 2 * slot)))
    front.link(table + 4 + 4 * _METADATA, front.position)
    new_entry = front.put_vector([old.Pos for old in entries])
    front.link(table + 4 + 4 * _BUFFERS, front.position)
    new_buffer = front.put_vector([old.Pos for old in buffers])

    front.link(new_entry, front.position + 8)  # behind its vtable
    entry = front.put("4Hi4xI", 8, 12, 4, 8, 8, len(buffers)) + 8
    front.link(new_buffer, front.position + 8)
    buffer = front.put("4Hi4x", 6, 8, 4, 0, 8) + 8
    front.link(entry + 4, front.position)
    front.put(f"I{len(name) + 1}s", len(name), name)
    front.align_after(4)
    front.link(buffer + 4, front.position)
    front.put(f"I{len(data)}s", len(data), data)
    return front.before(model)


def _check_can_grow(root: Table, entries: Sequence[Table], buffers: Sequence[Table], name: bytes) -> None:
    vtable_bytes = root.Get(Uint16Flags, root.Pos - root.Get(SOffsetTFlags, root.Pos))
    if vtable_bytes > 4 + 2 * _MODEL_SLOTS:
        raise ModelError("the model is of a newer schema than edgecnn's: metadata can't be added")
    if any(entry.String(entry.Pos + entry.Offset(4)) == name for entry in entries):
        raise ModelError("the model carries metadata already: add them to the file it was before")
    if any(buffer.Offset(6) for buffer in buffers):  # `offset`, counted from the start of the file
        raise ModelError("the model keeps weights outside of its flatbuffer: metadata can't be added")


class _Front:
    """Bytes to put before a flatbuffer, with offsets that lead on, into these bytes or the old ones."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._links: list[tuple[int, int]] = []
        self._links_to_old: list[tuple[int, int]] = []

    @property
    def position(self) -> int:
        return len(self._bytes)

    def put(self, layout: str, *values: object) -> int:
        """Append `values`, little-endian and unpadded; return where they begin."""
        position = self.position
        self._bytes += struct.pack("<" + layout, *values)
        return position

    def put_vector(self, old: Sequence[int]) -> int:
        """Append a vector of offsets to tables of the old bytes, and one more; return where that one is."""
        self.put("I", len(old) + 1)
        for target in old:
            self.link_to_old(self.put("4x"), target)
        return self.put("4x")

    def align_after(self, more: int, to: int = 16) -> None:
        """Pad, so that what follows the next `more` bytes is aligned."""
        self._bytes += bytes(-(self.position + more) % to)

    def link(self, field: int, target: int) -> None:
        """Have the offset at `field` lead to `target`, a position in these bytes."""
        self._links.append((field, target))

    def link_to_old(self, field: int, target: int) -> None:
        """Have the offset at `field` lead to `target`, a position in the old bytes."""
        self._links_to_old.append((field, target))

    def before(self, old: bytes) -> bytes:
        """Return these bytes, padded to a multiple of 16, and the old ones behind them."""
        self.align_after(0)
        size = self.position
        for field, target in self._links + [(field, size + target) for field, target in self._links_to_old]:
            struct.pack_into("<I", self._bytes, field, target - field)
        return bytes(self._bytes) + old


def _with_file(model: bytes, name: str, text: str) -> bytes:
    """Return `model` with a file in a zip archive behind it: stored, so that it can be read where it lies."""
    result = io.BytesIO()
    result.write(model)
    with zipfile.ZipFile(result, "w") as archive:
        info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
        info.create_system = 3  # Unix, wherever this runs: the same bytes everywhere
        archive.writestr(info, text)
    return result.getvalue()


def _labels_file_name(model: bytes) -> str | None:
    """Return the name of the label file of the first output, or None."""
    root = tflite.Model.GetRootAs(model, 0)
    entries = (root.Metadata(i) for i in range(root.MetadataLength()))
    buffers = [entry.Buffer() for entry in entries if entry.Name() == _ENTRY]
    if not buffers:
        return None
    metadata = root.Buffers(buffers[0]).DataAsNumpy().tobytes()
    for subgraph in _tables(_root(metadata), 3)[:1]:
        for output in _tables(subgraph, 3)[:1]:
            for file in _tables(output, 6):
                kind = file.Get(Uint8Flags, file.Pos + file.Offset(8)) if file.Offset(8) else 0
                if kind in (_AXIS_LABELS, _VALUE_LABELS):
                    return bytes(file.String(file.Pos + file.Offset(4))).decode()
    return None


def _root(flatbuffer: bytes) -> Table:
    return Table(flatbuffer, struct.unpack_from("<I", flatbuffer)[0])


def _tables(table: Table, slot: int) -> list[Table]:
    """Return the tables in the vector at `slot`."""
    offset = table.Offset(4 + 2 * slot)
    if not offset:
        return []
    start = table.Vector(offset)
    return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(table.VectorLen(offset))]
