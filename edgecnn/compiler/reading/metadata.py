# SPDX-License-Identifier: Apache-2.0
"""What the metadata in a .tflite file say of its answers, and of the pictures that it takes."""

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence

from flatbuffers.number_types import Float32Flags, Uint8Flags
from flatbuffers.table import Table

from edgecnn.compiler.ir import SQUASHED, Fitting, Normalization, Ranges, Window
from edgecnn.errors import ModelError
from edgecnn.escape import label
from edgecnn.values import FITS, ORDERS, RESIZES

ENTRY = "TFLITE_METADATA"
WINDOW_ENTRY = "edgecnn_window"  # beside the standard one, which has no place for it
FITTING_ENTRY = "edgecnn_fitting"
RANGES_ENTRY = "edgecnn_ranges"  # the same: the standard one doesn't say what is held between which bounds
FARTHEST = 1 << 40  # a bound of a window: 256 times that is an exact int64, and an exact float64
# What reading a corrupt flatbuffer raises.
_CORRUPT = (struct.error, AttributeError, IndexError, TypeError, ValueError)
_DAMAGED = (*_CORRUPT, KeyError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile)
# Slots and values of the metadata schema.
_SUBGRAPHS, _INPUTS, _OUTPUTS, _PROCESS_UNITS, _FILES = 3, 2, 3, 4, 6
NORMALIZATION = 1
SCORE_THRESHOLDING = 3
AXIS_LABELS, VALUE_LABELS = 2, 3
_MOST_CHANNELS = 3
_ZIP_MEMBER = b"PK\x03\x04"  # begins each file in an archive
MOST_BYTES = 1 << 20  # of labels: a few bytes of a zip can stand for gigabytes


def parse_window(text: str) -> Window:
    """Return the window that "LOW:HIGH" says.

    Raises:
        ValueError: it says none.
    """
    low, high = (_number(part) for part in text.split(":"))
    if not -FARTHEST <= low < high <= FARTHEST:
        raise ValueError(f"{text} is no range")
    return Window(low, high)


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value


def read_window(model: bytes) -> Window | None:
    """Return the window of the pictures that a model was trained on; None where it tells none."""
    try:
        return parse_window(_entry(model, WINDOW_ENTRY).decode("ascii"))
    except _CORRUPT:
        return None


def parse_fitting(text: str) -> Fitting:
    """Return how a picture is fitted, as "FIT,RESIZE,ORDER" says.

    Raises:
        ValueError: it says nothing that is known.
    """
    said = tuple(text.split(","))
    if len(said) != 3 or any(
        word not in known for word, known in zip(said, (FITS, RESIZES, ORDERS), strict=True)
    ):
        raise ValueError(f"{text[:80]!r} is no way to fit a picture that is known")
    return Fitting(*said)


def read_fitting(model: bytes) -> Fitting:
    """Return how a model wants pictures fitted, squashed where it tells nothing.

    Raises:
        ModelError: it tells something that isn't known here: it would see other pictures.
    """
    try:
        text = _entry(model, FITTING_ENTRY)
    except _CORRUPT:
        return SQUASHED
    try:
        return parse_fitting(text.decode("ascii")) if text else SQUASHED
    except ValueError as error:
        raise ModelError(
            f"the model's metadata say how to fit pictures, but {error}; export it again"
        ) from error


def parse_ranges(text: str) -> Ranges:
    """Return the ranges that "LOW:HIGH,LOW:HIGH" says, one for each channel.

    Raises:
        ValueError: it says none.
    """
    return tuple(parse_window(part) for part in text.split(","))


def ranges_text(ranges: Ranges) -> str:
    """Return ranges as `parse_ranges` reads them, to the last bit."""
    return ",".join(map(str, ranges))


def read_ranges(model: bytes) -> Ranges | None:
    """Return the range of each channel of the numbers that a model takes; None where it tells none."""
    try:
        return parse_ranges(_entry(model, RANGES_ENTRY).decode("ascii"))
    except _CORRUPT:
        return None


def read_threshold(model: bytes) -> float:
    """Return the score from which on a sigmoid says yes; 0.5 where the model doesn't tell another."""
    try:
        for table in _units(_edges(model, _OUTPUTS), SCORE_THRESHOLDING):
            score = table.Get(Float32Flags, table.Pos + table.Offset(4)) if table.Offset(4) else 0.0
            return float(score) if 0 < score < 1 else 0.5
    except _CORRUPT:
        pass
    return 0.5


def read_normalization(model: bytes) -> Normalization | None:
    """Return what a model's metadata say that a byte of a picture is to it; None where they say nothing."""
    try:
        for table in _units(_edges(model, _INPUTS), NORMALIZATION):
            mean, deviation = _floats(table, 0), _floats(table, 1)
            if len(mean) == len(deviation) in (1, 3) and all(map(math.isfinite, mean + deviation)):
                return Normalization(mean, deviation) if min(deviation) > 0 else None
    except _CORRUPT:
        pass
    return None


def _units(edges: Sequence[Table], kind: int) -> Iterator[Table]:
    """Return the options of the first edge's process units of a kind."""
    for edge in edges[:1]:
        for unit in _tables(edge, _PROCESS_UNITS):
            said, options = unit.Offset(4), unit.Offset(6)
            if said and unit.Get(Uint8Flags, unit.Pos + said) == kind and options:
                yield Table(unit.Bytes, unit.Indirect(unit.Pos + options))


def _floats(table: Table, slot: int) -> tuple[float, ...]:
    offset = table.Offset(4 + 2 * slot)
    if not offset or table.VectorLen(offset) > _MOST_CHANNELS:
        return ()
    start = table.Vector(offset)
    return tuple(
        float(table.Get(Float32Flags, start + 4 * index)) for index in range(table.VectorLen(offset))
    )


def read_labels(model: bytes) -> tuple[str, ...]:
    """Return the labels of a model's first output, in its order; none where it carries none.

    Raises:
        ModelError: the metadata, or the archive that holds the labels, are damaged.
    """
    try:
        file_name = _labels_file(model)
        if file_name is None or _ZIP_MEMBER not in model:  # tools that rewrite a model drop what is behind it
            return ()
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            if archive.getinfo(file_name).file_size > MOST_BYTES:
                raise ModelError(f"{file_name} in the model's metadata has over {MOST_BYTES} bytes")
            text = archive.read(file_name).decode()
    except _DAMAGED as error:
        raise ModelError(f"the model's metadata are damaged ({error}); export it again") from error
    return label_lines(text)


def read_files(model: bytes) -> tuple[tuple[str, bytes], ...]:
    """Return the files in the archive behind a model, by their names; none where there is no archive.

    Raises:
        ModelError: they are damaged, or of more bytes than labels can have.
    """
    try:
        if _ZIP_MEMBER not in model or not zipfile.is_zipfile(io.BytesIO(model)):
            return ()
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            if sum(info.file_size for info in archive.infolist()) > MOST_BYTES:
                raise ModelError(f"files of over {MOST_BYTES} bytes in the archive behind it")
            return tuple((info.filename, archive.read(info)) for info in archive.infolist())
    except _DAMAGED as error:
        raise ModelError(f"an archive behind it that is damaged ({error})") from error


def label_lines(text: str) -> tuple[str, ...]:
    """Return the labels in a labels.txt of anybody's, one a line, each of which prints as one."""
    return tuple(label(line.rstrip("\r")) for line in text.rstrip("\r\n").split("\n"))


def _labels_file(model: bytes) -> str | None:
    for output in _edges(model, _OUTPUTS)[:1]:
        for file in _tables(output, _FILES):
            kind = file.Get(Uint8Flags, file.Pos + file.Offset(8)) if file.Offset(8) else 0
            if kind in (AXIS_LABELS, VALUE_LABELS):
                return bytes(file.String(file.Pos + file.Offset(4))).decode()
    return None


def _edges(model: bytes, slot: int) -> list[Table]:
    """Return the tables that describe a model's inputs or outputs; none where it has no metadata."""
    entry = _entry(model, ENTRY)
    if not entry:
        return []
    return [edge for subgraph in _tables(_root(entry), _SUBGRAPHS)[:1] for edge in _tables(subgraph, slot)]


def _entry(model: bytes, name: str) -> bytes:
    """Return what a metadata entry of a model leads to; nothing where it has none of that name."""
    import tflite  # here, as what runs compiled models needs nothing but NumPy

    schema = tflite.Model.GetRootAs(model, 0)
    entries = (schema.Metadata(i) for i in range(schema.MetadataLength()))
    buffers = [entry.Buffer() for entry in entries if entry.Name() == name.encode()]
    return schema.Buffers(buffers[0]).DataAsNumpy().tobytes() if buffers else b""


def _root(flatbuffer: bytes) -> Table:
    """Return the table that a flatbuffer is."""
    return Table(flatbuffer, struct.unpack_from("<I", flatbuffer)[0])


def _tables(table: Table, slot: int) -> list[Table]:
    """Return the tables in the vector that the field at `slot` leads to; none where it is absent."""
    offset = table.Offset(4 + 2 * slot)
    if not offset:
        return []
    start = table.Vector(offset)
    return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(table.VectorLen(offset))]
