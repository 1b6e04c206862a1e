# SPDX-License-Identifier: Apache-2.0
"""Pictures in DICOM, read by pydicom (`edgecnn[dicom]`): their values are what the modality measured."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Window
from edgecnn.compiler.reading.metadata import parse_window

SUFFIXES = (".dcm", ".dicom")
_MAGIC, _MAGIC_AT = b"DICM", 128


def is_dicom(content: bytes) -> bool:
    """Say whether the first bytes of a file are those of DICOM."""
    return content[_MAGIC_AT : _MAGIC_AT + len(_MAGIC)] == _MAGIC


def read_dicom(file: Path | BytesIO, most_pixels: int) -> tuple[NDArray[Any], Window | None, bool]:
    """Read the first frame of a picture.

    Returns:
        Its pixels, (H, W, 1) values after rescale slope and intercept or (H, W, 3) RGB bytes; the window that
        it names, the first of several; and whether its least value is white (MONOCHROME1).

    Raises:
        ValueError: pydicom is missing or can't read it, or it has more pixels than `most_pixels`.
    """
    pydicom = _pydicom()
    data = pydicom.dcmread(file)
    if data.Rows * data.Columns > most_pixels:
        raise ValueError(f"{data.Columns}x{data.Rows} pixels are more than {most_pixels:,}")
    pixels = pydicom.pixels.pixel_array(data, index=0)  # of colours, RGB
    kind = data.PhotometricInterpretation
    if data.SamplesPerPixel == 3:
        if pixels.dtype != np.uint8:
            raise ValueError(f"its colours have {data.BitsAllocated} bits; save it with 8")
        return pixels, None, False
    if kind not in ("MONOCHROME1", "MONOCHROME2"):
        raise ValueError(f"its pixels are {kind}; MONOCHROME1, MONOCHROME2, RGB and YBR can be read")
    return _rescaled(data, pixels)[..., None], _window(data), kind == "MONOCHROME1"


def size(file: Path | BytesIO) -> tuple[int, int]:
    """Return width and height, by the head of the file.

    Raises:
        ValueError: pydicom is missing or can't read it.
    """
    data = _pydicom().dcmread(file, stop_before_pixels=True)
    return data.Columns, data.Rows


def is_deep(file: Path | BytesIO) -> bool:
    """Say whether `read_dicom` gives numbers in place of bytes, by the head of the file.

    Raises:
        ValueError: pydicom is missing or can't read it.
    """
    data = _pydicom().dcmread(file, stop_before_pixels=True)
    stored = (data.BitsAllocated, data.PixelRepresentation)  # 1 has a sign
    return bool(data.SamplesPerPixel == 1 and not (stored == (8, 0) and _scale(data) == (1, 0)))


def _pydicom() -> Any:
    try:
        import pydicom.pixels
    except ImportError:
        raise ValueError("it is DICOM, which needs pydicom: pip install 'edgecnn[dicom]'") from None
    return pydicom


def _scale(data: Any) -> tuple[float, float]:
    """Return the rescale slope and intercept; of images that have none, or empty ones, 1 and 0."""
    slope, intercept = data.get("RescaleSlope"), data.get("RescaleIntercept")
    return 1.0 if slope is None else float(slope), 0.0 if intercept is None else float(intercept)


def _rescaled(data: Any, pixels: NDArray[Any]) -> NDArray[Any]:
    """Return slope * pixel + intercept (DICOM PS3.3, C.11.1.1.2), as integers where both are."""
    slope, intercept = _scale(data)
    if pixels.dtype == np.uint8 and (slope, intercept) == (1, 0):
        return pixels
    if slope.is_integer() and intercept.is_integer():
        return pixels.astype(np.int64) * int(slope) + int(intercept)
    return pixels.astype(np.float64) * slope + intercept


def _window(data: Any) -> Window | None:
    """Return the window of `width` values that the file names (DICOM PS3.3, C.11.2.1.2)."""
    center, width = data.get("WindowCenter"), data.get("WindowWidth")
    if center is None or width is None:
        return None
    center, width = (float(np.ravel(value)[0]) for value in (center, width))
    low = center - width / 2
    return parse_window(f"{low}:{low + width - 1}") if width > 1 else None
