# SPDX-License-Identifier: Apache-2.0
"""Image files to arrays of bytes. Pillow only decodes; every other step is ours (see resize.py)."""

import logging
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from edgecnn.data.resize import resize, to_grey
from edgecnn.errors import DataError
from edgecnn.files import require_file

# Named, because Pillow would otherwise try everything it knows, PostScript (which runs a program) included.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
MAX_PIXELS = 100_000_000
_LYING = (5, 6, 7, 8)  # EXIF orientations whose rows are the columns of the upright picture

# What Pillow would print about odd files is either one of our own errors or of no concern to a user.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())


def load_image(
    path: Path, height: int, width: int, channels: int, content: bytes | None = None
) -> NDArray[np.uint8]:
    """Decode a file and bring it to (height, width, channels) bytes by the rule of resize.py.

    Args:
        path: the image file.
        height: rows of the result.
        width: columns of the result.
        channels: 1 (grey) or 3 (RGB).
        content: the file's bytes, where it is not on this machine's disk and `path` is only its name.

    Raises:
        DataError: the file can't be decoded.
    """
    return fit_image(decode(path, content), height, width, channels)


class TooManyPixelsError(DataError):
    """An image that is too large to be decoded."""


def require_pixels(path: Path, content: bytes, most: int) -> None:
    """Check by its head, before anything is decoded, that an image has not too many pixels.

    Raises:
        TooManyPixelsError: it has more than `most`.
        DataError: it is no image.
    """
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
    except Exception as error:  # as in decode
        raise _undecodable(path, error) from error
    if width * height > most:
        raise TooManyPixelsError(f"{path} has {width}x{height} pixels; at most {most:,} are taken")


def fit_image(image: NDArray[np.uint8], height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """Bring a decoded image, (H, W, 1 or 3) bytes, to (height, width, channels) as `load_image` does."""
    if image.shape[2] > channels:
        image = to_grey(image)
    elif image.shape[2] < channels:
        image = np.repeat(image, channels, axis=2)
    return resize(image, height, width)


def decode(path: Path, content: bytes | None = None) -> NDArray[np.uint8]:
    """Decode a file to (H, W, 1) grey or (H, W, 3) RGB bytes, upright by its EXIF orientation.

    `content` is as for `load_image`. 16-bit samples lose their low byte, palettes and CMYK become RGB,
    transparency is dropped, and of an animation the first frame counts.

    Raises:
        DataError: the file can't be decoded.
    """
    try:
        with _open(path if content is None else BytesIO(content)) as image:
            ImageOps.exif_transpose(image, in_place=True)
            return _to_bytes(image)
    except Exception as error:  # on a broken file Pillow's decoders raise whatever they run into
        raise _undecodable(path, error) from error


def image_size(path: Path) -> tuple[int, int]:
    """Read a file through, as cheaply as finds what `decode` would stumble over.

    Returns:
        Width and height of what `decode` gives.

    Raises:
        DataError: the file can't be decoded.
    """
    try:
        with _open(path) as image:
            width, height = image.size
            lying = image.getexif().get(ExifTags.Base.Orientation) in _LYING
            # A JPEG at an eighth of its size: all of its bytes are read, for a fraction of the work.
            image.draft(image.mode, (1, 1))
            ImageOps.exif_transpose(image, in_place=True)
            _to_bytes(image)
            return (height, width) if lying else (width, height)
    except Exception as error:  # as in decode
        raise _undecodable(path, error) from error


def _open(file: Path | BytesIO) -> Image.Image:
    if isinstance(file, Path):
        require_file(file, DataError)
    image = Image.open(file, formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise ValueError(f"{image.width}x{image.height} pixels are more than {MAX_PIXELS:,}")
    return image


def _to_bytes(image: Image.Image) -> NDArray[np.uint8]:
    """Turn a decoded picture of any mode into (H, W, 1) or (H, W, 3) bytes."""
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 or 16 bits")
    if image.mode.startswith("I"):  # I;16 in one byte order or the other, or 16 bits in 32 from older Pillows
        wide: NDArray[Any] = np.asarray(image)
        if wide.min() < 0 or wide.max() > 65535:
            raise ValueError("its pixels have 32 bits; save it with 8 or 16")
        return (wide >> 8).astype(np.uint8)[..., None]
    grey = image.mode in ("1", "L", "LA")
    mode = "L" if grey else "RGB"
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return pixels[..., None] if grey else pixels


def _undecodable(path: Path, error: Exception) -> DataError:
    if isinstance(error, DataError):
        return error
    if isinstance(error, UnidentifiedImageError):
        return DataError(f"{path} is not an image that edgecnn reads ({', '.join(FORMATS)})")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return DataError(f"{path} can't be decoded: {reason}")
