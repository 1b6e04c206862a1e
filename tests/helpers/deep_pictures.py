# SPDX-License-Identifier: Apache-2.0
"""Writes pictures of more than 8 bits: TIFF of every kind, which Pillow reads but doesn't write, too."""

import struct
import zlib
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3}


def write_tiff(
    path: Path, values: NDArray[np.generic], order: str = "<", dtype: str = "u2", white_is_zero: bool = False
) -> Path:
    """Write (H, W) numbers, uncompressed, in one strip, little-endian ("<") or big-endian (">")."""
    kind = np.dtype(order + dtype)
    data = values.astype(kind).tobytes()
    height, width = values.shape
    short, long = 3, 4
    tags = [
        *((256, long, width), (257, long, height), (258, short, 8 * kind.itemsize), (259, short, 1)),
        *(
            (262, short, int(not white_is_zero)),
            (273, long, 8),
            (277, short, 1),
            (278, long, height),
            (279, long, len(data)),
        ),
        (339, short, _SAMPLE_FORMATS[kind.kind]),
    ]
    entries = b"".join(
        struct.pack(f"{order}HHI", tag, size, 1)
        + (struct.pack(f"{order}HH", value, 0) if size == short else struct.pack(f"{order}I", value))
        for tag, size, value in tags
    )
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8 + len(data))
    path.write_bytes(head + data + struct.pack(f"{order}H", len(tags)) + entries + bytes(4))
    return path


def write_png(path: Path, values: NDArray[np.generic]) -> Path:
    """Write (H, W, C) numbers as a PNG of 16 bits: grey and alpha, RGB or RGB and alpha."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    kind = {2: 4, 3: 2, 4: 6}[channels]
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0),
        b"IDAT": zlib.compress(rows),
        b"IEND": b"",
    }
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def _write_with_pillow(path: Path, values: NDArray[np.generic], suffix: str) -> Path:
    path = path.with_suffix(suffix)
    Image.fromarray(values.astype(np.uint16)).save(path)
    return path


# Each takes a path, whose suffix may change, and numbers, and returns the path.
WRITERS = {
    "png": partial(_write_with_pillow, suffix=".png"),
    "pgm": partial(_write_with_pillow, suffix=".pgm"),
    "uint16 little-endian": partial(write_tiff, order="<", dtype="u2"),
    "uint16 big-endian": partial(write_tiff, order=">", dtype="u2"),
    "int16 little-endian": partial(write_tiff, order="<", dtype="i2"),
    "int16 big-endian": partial(write_tiff, order=">", dtype="i2"),
    "int8": partial(write_tiff, dtype="i1"),
    "uint32": partial(write_tiff, dtype="u4"),
    "white is zero": partial(write_tiff, white_is_zero=True),
    "float32": partial(write_tiff, order="<", dtype="f4"),
}
