# SPDX-License-Identifier: Apache-2.0
"""Image files to arrays of bytes. Pillow only decodes; every other step is ours (see resize.py)."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from edgecnn.compiler.ir import SQUASHED, Fitting, Window
from edgecnn.data import dicom
from edgecnn.data.resize import fit, to_grey
from edgecnn.data.window import FEWEST, to_bytes, upper_bytes
from edgecnn.errors import DataError
from edgecnn.files import require_file

# Named, because Pillow would otherwise try everything it knows, PostScript (which runs a program) included.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
PILLOW_SUFFIXES = (
    *(".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
SUFFIXES = (*PILLOW_SUFFIXES, *dicom.SUFFIXES)
MAX_PIXELS = 100_000_000
_TIFF = (b"II*\0", b"MM\0*")  # what such a file begins with
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # tags in it
# By mode, bits and sample format: what Pillow takes for bytes, and for int32.
_OTHER_NUMBERS: dict[tuple[str, int, int], type[np.integer[Any]]] = {
    ("L", 8, 2): np.int8,
    ("I", 32, 1): np.uint32,
}
_UNREAD_TIFF = (
    "it is a TIFF whose pixels Pillow doesn't read, such as floats of 16 or 64 bits; save it "
    "with 8 or 16 bits, or as floats of 32"
)
_LYING = (5, 6, 7, 8)  # EXIF orientations whose rows are the columns of the upright picture

# What Pillow would print about odd files is either one of our own errors or of no concern to a user.
warnings.filterwarnings("ignore", module=r"PIL\.")
for _library in ("PIL", "pydicom"):
    logging.getLogger(_library).addHandler(logging.NullHandler())


@dataclass(frozen=True, eq=False)
class Picture:
    """A file's pixels as they are stored."""

    pixels: NDArray[Any]
    """(H, W, 1) grey or (H, W, 3) RGB bytes, or, where a pixel has more than 8 bits, (H, W, 1) numbers."""
    window: Window | None = None
    """What the file itself says of which numbers become 0 to 255."""
    inverted: bool = False
    """Whether the least number is white."""


def load_image(
    path: Path,
    height: int,
    width: int,
    channels: int,
    content: bytes | None = None,
    window: Window | None = None,
    fitting: Fitting = SQUASHED,
) -> NDArray[np.uint8]:
    """Decode a file and bring it to (height, width, channels) bytes by the rule of resize.py.

    Args:
        path: the image file.
        height: rows of the result.
        width: columns of the result.
        channels: 1 (grey) or 3 (RGB).
        content: the file's bytes, where it is not on this machine's disk and `path` is only its name.
        window: as for `decode`.
        fitting: as for `fit_image`.

    Raises:
        DataError: the file can't be decoded.
    """
    return fit_image(decode(path, content, window), height, width, channels, fitting)


class TooManyPixelsError(DataError):
    """An image that is too large to be decoded."""


def require_pixels(path: Path, content: bytes, most: int) -> None:
    """Check by its head, before anything is decoded, that an image has not too many pixels.

    Raises:
        TooManyPixelsError: it has more than `most`.
        DataError: it is no image.
    """
    try:
        if file := _dicom_file(path, content):
            width, height = dicom.size(file)
        else:
            with _identify(BytesIO(content)) as image:
                width, height = image.size
    except Image.DecompressionBombError as error:  # Pillow has a limit of its own
        raise TooManyPixelsError(f"{path} has far too many pixels; at most {most:,} are taken") from error
    except Exception as error:  # as in decode
        raise _undecodable(path, error) from error
    if width * height > most:
        raise TooManyPixelsError(f"{path} has {width}x{height} pixels; at most {most:,} are taken")


def fit_image(
    image: NDArray[np.uint8], height: int, width: int, channels: int, fitting: Fitting = SQUASHED
) -> NDArray[np.uint8]:
    """Bring a decoded image, (H, W, 1 or 3) bytes, to (height, width, channels) as `load_image` does.

    `fitting` says which part of it is seen, how it is resized, and the order of three channels.
    """
    if image.shape[2] > channels:
        image = to_grey(image)
    elif image.shape[2] < channels:
        image = np.repeat(image, channels, axis=2)
    fitted = fit(image, height, width, fitting)
    return np.ascontiguousarray(fitted[..., ::-1]) if fitting.order == "BGR" else fitted


def decode(path: Path, content: bytes | None = None, window: Window | None = None) -> NDArray[np.uint8]:
    """Decode a file to (H, W, 1) grey or (H, W, 3) RGB bytes, upright by its EXIF orientation.

    `content` is as for `load_image`. Grey pixels of more than 8 bits become bytes by the rule of window.py;
    RGB ones of 16 lose their low byte, palettes and CMYK become RGB, transparency is dropped, and of an
    animation the first frame counts.

    Args:
        path: the image file.
        content: as for `load_image`.
        window: of pixels of more than 8 bits; None: the file's own, else 16 bits become their upper byte.

    Raises:
        DataError: the file can't be decoded, or needs a window.
    """
    picture = read_picture(path, content)
    image: NDArray[np.uint8] = picture.pixels
    if image.dtype != np.uint8:
        window = window or picture.window
        with _named(path):
            image = to_bytes(image, window) if window else upper_bytes(image)
    return np.invert(image) if picture.inverted else image


def read_picture(path: Path, content: bytes | None = None) -> Picture:
    """Decode a file as `decode` does, but leave numbers of more than 8 bits as they are.

    Raises:
        DataError: the file can't be decoded.
    """
    with _named(path):
        if file := _dicom_file(path, content):
            return Picture(*dicom.read_dicom(file, MAX_PIXELS))
        with _open(path if content is None else BytesIO(content)) as image:
            inverted = image.mode[0] in "IF" and _white_is_zero(image)
            cut = ";16" in str(image.tile)  # of several channels of 16 bits Pillow keeps the upper bytes
            numbers = _other_numbers(image)
            ImageOps.exif_transpose(image, in_place=True)
            pixels = _pixels(image)
        if numbers:
            return Picture(pixels.view(numbers), inverted=inverted)
        if cut and pixels.dtype == np.uint8 and pixels.max() < FEWEST >> 8:
            raise ValueError("its channels have 16 bits, of which it uses the lower ones; save it with 8")
        return Picture(pixels, inverted=inverted)


def _white_is_zero(image: Image.Image) -> bool:
    """Say whether a TIFF file says so; where pixels have 8 bits, Pillow turns them round itself."""
    return isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == 0


def _other_numbers(image: Image.Image) -> type[np.integer[Any]] | None:
    """Return what the numbers of a TIFF file are, where Pillow is wrong about their sign."""
    if not isinstance(image, TiffImageFile):
        return None
    bits, sample_format = (image.tag_v2.get(tag, (1,))[0] for tag in (_BITS, _SAMPLE_FORMAT))
    return _OTHER_NUMBERS.get((image.mode, bits, sample_format))


def is_deep(path: Path) -> bool:
    """Say whether a file's pixels have more than 8 bits, by its head alone.

    Raises:
        DataError: the file can't be decoded.
    """
    with _named(path):
        if file := _dicom_file(path):
            return dicom.is_deep(file)
        with _open(path) as image:
            return image.mode[0] in "IF" or _other_numbers(image) is not None


def image_size(path: Path) -> tuple[int, int]:
    """Read a file through, as cheaply as finds what `decode` would stumble over.

    Returns:
        Width and height of what `decode` gives.

    Raises:
        DataError: the file can't be decoded.
    """
    with _named(path):
        if _dicom_file(path):
            height, width, _ = read_picture(path).pixels.shape
            return width, height
        with _open(path) as image:
            width, height = image.size
            lying = image.getexif().get(ExifTags.Base.Orientation) in _LYING
            # A JPEG at an eighth of its size: all of its bytes are read, for a fraction of the work.
            image.draft(image.mode, (1, 1))
            ImageOps.exif_transpose(image, in_place=True)
            _pixels(image)
            return (height, width) if lying else (width, height)


def _dicom_file(path: Path, content: bytes | None = None) -> Path | BytesIO | None:
    """Return what pydicom is to read, where it is DICOM."""
    if content is not None:
        return BytesIO(content) if dicom.is_dicom(content) else None
    if path.suffix.lower() not in dicom.SUFFIXES:
        return None
    require_file(path, DataError)
    return path


def _open(file: Path | BytesIO) -> Image.Image:
    if isinstance(file, Path):
        require_file(file, DataError)
    image = _identify(file)
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise ValueError(f"{image.width}x{image.height} pixels are more than {MAX_PIXELS:,}")
    return image


def _identify(file: Path | BytesIO) -> Image.Image:
    """Open an image without decoding it."""
    try:
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        if _begins_as_tiff(file):
            raise ValueError(_UNREAD_TIFF) from None
        raise


def _begins_as_tiff(file: Path | BytesIO) -> bool:
    if isinstance(file, BytesIO):
        return file.getvalue().startswith(_TIFF)
    with file.open("rb") as opened:
        return opened.read(4) in _TIFF


def _pixels(image: Image.Image) -> NDArray[Any]:
    """Turn a decoded picture of any mode into (H, W, 1) or (H, W, 3) bytes, or (H, W, 1) larger numbers."""
    if image.mode[0] in "IF":  # I;16 in one byte order or the other, 32 bits with a sign, or float32
        wide: NDArray[Any] = np.asarray(image)
        return wide[..., None]
    grey = image.mode in ("1", "L", "LA")
    mode = "L" if grey else "RGB"
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return pixels[..., None] if grey else pixels


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Make a DataError that names the file of what is raised: on a broken one, decoders raise anything."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise _undecodable(path, error) from error


def _undecodable(path: Path, error: Exception) -> DataError:
    if isinstance(error, DataError):
        return error
    if isinstance(error, UnidentifiedImageError):
        return DataError(f"{path} is not an image that edgecnn reads ({', '.join(FORMATS)})")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return DataError(f"{path} can't be decoded: {reason}")
