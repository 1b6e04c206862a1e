# SPDX-License-Identifier: Apache-2.0
"""What the standard TFLite metadata in a .tflite file say of its answers."""

import struct

import tflite
from flatbuffers.number_types import Float32Flags, Uint8Flags
from flatbuffers.table import Table

ENTRY = b"TFLITE_METADATA"
# What reading a corrupt flatbuffer raises.
CORRUPT = (struct.error, AttributeError, IndexError, TypeError, ValueError)
# Slots and a value of the metadata schema.
SUBGRAPHS, OUTPUTS, PROCESS_UNITS = 3, 3, 4
SCORE_THRESHOLDING = 3


def read_threshold(model: bytes) -> float:
    """Return the score from which on a sigmoid says yes; 0.5 where the model doesn't tell another."""
    try:
        for output in outputs(model)[:1]:
            for unit in tables(output, PROCESS_UNITS):
                kind, options = unit.Offset(4), unit.Offset(6)
                if kind and unit.Get(Uint8Flags, unit.Pos + kind) == SCORE_THRESHOLDING and options:
                    table = Table(unit.Bytes, unit.Indirect(unit.Pos + options))
                    score = table.Get(Float32Flags, table.Pos + table.Offset(4)) if table.Offset(4) else 0.0
                    return float(score) if 0 < score < 1 else 0.5
    except CORRUPT:
        pass
    return 0.5


def outputs(model: bytes) -> list[Table]:
    """Return the tables that describe a model's outputs; none where it has no metadata."""
    schema = tflite.Model.GetRootAs(model, 0)
    entries = (schema.Metadata(i) for i in range(schema.MetadataLength()))
    buffers = [entry.Buffer() for entry in entries if entry.Name() == ENTRY]
    if not buffers:
        return []
    metadata = root(schema.Buffers(buffers[0]).DataAsNumpy().tobytes())
    return [output for subgraph in tables(metadata, SUBGRAPHS)[:1] for output in tables(subgraph, OUTPUTS)]


def root(flatbuffer: bytes) -> Table:
    """Return the table that a flatbuffer is."""
    return Table(flatbuffer, struct.unpack_from("<I", flatbuffer)[0])


def tables(table: Table, slot: int) -> list[Table]:
    """Return the tables in the vector that the field at `slot` leads to; none where it is absent."""
    offset = table.Offset(4 + 2 * slot)
    if not offset:
        return []
    start = table.Vector(offset)
    return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(table.VectorLen(offset))]
