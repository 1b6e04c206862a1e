# SPDX-License-Identifier: Apache-2.0
"""One more buffer in a .tflite file, without moving what is there."""

import struct
from collections.abc import Sequence

from flatbuffers.number_types import SOffsetTFlags, Uint16Flags, Uint32Flags
from flatbuffers.table import Table

from edgecnn.compiler.reading.metadata import CORRUPT, root, tables
from edgecnn.errors import ModelError

# Slots of the table Model in the .tflite schema: 0 is the version, a number; the others are offsets.
_SLOTS, _BUFFERS, _METADATA = 8, 4, 6


def add_buffer(model: bytes, name: bytes, data: bytes) -> bytes:
    """Return `model` with one more buffer, holding `data`, and a metadata entry `name` that leads to it.

    A new Model table and longer vectors of metadata entries and buffers go in front. Offsets in a flatbuffer
    lead forward only, so they reach all of the old bytes, which stay as they are; the front is a multiple of
    16 bytes long, so weights stay aligned. (Repacking through the flatbuffers package loses that.)

    Raises:
        ModelError: `model` is damaged, has such an entry already, or is of a kind that can't grow this way.
    """
    try:
        return _add_buffer(model, name, data)
    except CORRUPT as error:
        raise ModelError(f"the .tflite file is damaged ({error}); export it again") from error


def _add_buffer(model: bytes, name: bytes, data: bytes) -> bytes:
    old = root(model)
    entries, buffers = tables(old, _METADATA), tables(old, _BUFFERS)
    _check_can_grow(old, entries, buffers, name)
    fields = {_BUFFERS, _METADATA, *(slot for slot in range(_SLOTS) if old.Offset(4 + 2 * slot))}

    front = _Front()
    front.put("I4s", 28, b"TFL3")
    front.put("10H", 20, 36, *(4 + 4 * slot if slot in fields else 0 for slot in range(_SLOTS)))
    version = old.Get(Uint32Flags, old.Pos + old.Offset(4)) if 0 in fields else 0
    table = front.put("iI28x", 20, version)
    for slot in fields:
        if slot not in (0, _BUFFERS, _METADATA):
            front.link_to_old(table + 4 + 4 * slot, old.Indirect(old.Pos + old.Offset(4 + 2 * slot)))
    front.link(table + 4 + 4 * _METADATA, front.position)
    new_entry = front.put_vector([entry.Pos for entry in entries])
    front.link(table + 4 + 4 * _BUFFERS, front.position)
    new_buffer = front.put_vector([buffer.Pos for buffer in buffers])

    front.link(new_entry, front.position + 8)  # behind its vtable
    entry_at = front.put("4Hi4xI", 8, 12, 4, 8, 8, len(buffers)) + 8
    front.link(new_buffer, front.position + 8)
    buffer_at = front.put("4Hi4x", 6, 8, 4, 0, 8) + 8
    front.link(entry_at + 4, front.position)
    front.put(f"I{len(name) + 1}s", len(name), name)
    front.align_after(4)
    front.link(buffer_at + 4, front.position)
    front.put(f"I{len(data)}s", len(data), data)
    return front.before(model)


def _check_can_grow(root: Table, entries: Sequence[Table], buffers: Sequence[Table], name: bytes) -> None:
    vtable_bytes = root.Get(Uint16Flags, root.Pos - root.Get(SOffsetTFlags, root.Pos))
    if vtable_bytes > 4 + 2 * _SLOTS:
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
        """Where the next byte goes."""
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

    def align_after(self, more: int) -> None:
        """Pad, so that what follows the next `more` bytes stands at a multiple of 16."""
        self._bytes += bytes(-(self.position + more) % 16)

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
