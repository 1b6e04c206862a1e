# SPDX-License-Identifier: Apache-2.0
r"""Frames of a camera to arrays of bytes, in integers only, so that NAME_preprocess.c repeats it to the byte.

    format     bytes of a pixel       red, green, blue
    grey       Y                      Y, Y, Y
    grey16_le  low byte, high byte    thrice the byte that the window of window.py makes of it
    grey16_be  high byte, low byte    the same
    rgb888     R G B                  R, G, B
    rgb565_le  low byte, high byte    of 16 bits rrrrrggggggbbbbb; a field's highest bits again below it
    rgb565_be  high byte, low byte    the same; the order in which most sensors send it
    yuyv       Y0 U Y1 V: two pixels  by ITU-R BT.601 at full range (JFIF), both pixels with the same U and V

16 bits have a sign where the window begins below 0. With u = U - 128, v = V - 128, >> rounding down, and the
result held between 0 and 255:

    red   = Y + ((359 * v + 128) >> 8)                1.402            * 256 = 358.9
    green = Y - ((88 * u + 183 * v + 128) >> 8)       0.34414, 0.71414 * 256 =  88.1, 182.8
    blue  = Y + ((454 * u + 128) >> 8)                1.772            * 256 = 453.6

A grey picture of a YUYV frame is its Y; of the RGB formats it is the luma of resize.py.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Window
from edgecnn.data.resize import to_grey
from edgecnn.data.window import FULL, to_bytes
from edgecnn.errors import DataError, did_you_mean

Bytes = NDArray[np.uint8]


def decode_frame(
    data: bytes, form: str, height: int, width: int, channels: int, window: Window = FULL
) -> Bytes:
    """Decode a frame of a camera; crop the result by slicing it, then bring it to size by `resize.resize`.

    Args:
        data: the lines from top to bottom, with nothing between them.
        form: grey, grey16_le, grey16_be, rgb888, rgb565_le, rgb565_be or yuyv.
        height: lines of the frame.
        width: pixels of a line; an even number for yuyv.
        channels: 1 (grey) or 3 (RGB).
        window: of 16 bits, integers.

    Returns:
        (height, width, channels) bytes.

    Raises:
        DataError: there is no such format, or a frame of this size has another number of bytes.
    """
    if form not in _FORMATS:
        raise DataError(
            f'there is no frame format "{form}"; choose one of {", ".join(_FORMATS)}.'
            f"{did_you_mean(form, _FORMATS)}"
        )
    pixel_bytes, decode = _FORMATS[form]
    if form == "yuyv" and width % 2:
        raise DataError(f"a yuyv frame can't be {width} pixels wide: two of them share their color")
    if len(data) != height * width * pixel_bytes:
        size = f"{width}x{height} pixels in {form} are {height * width * pixel_bytes} bytes"
        raise DataError(f"the frame has {len(data)} bytes; {size}")
    frame = np.frombuffer(data, np.uint8).reshape(height, width, pixel_bytes)
    if channels == 1 and form == "yuyv":
        return frame[..., :1].copy()
    image = decode(frame, window)
    if image.shape[2] > channels:
        return to_grey(image)
    return np.repeat(image, channels // image.shape[2], axis=2)


def _as_is(frame: Bytes, _: Window) -> Bytes:
    return frame


def _grey16_le(frame: Bytes, window: Window) -> Bytes:
    values = np.ascontiguousarray(frame).view("<i2" if window.low < 0 else "<u2")
    return to_bytes(values, window)


def _grey16_be(frame: Bytes, window: Window) -> Bytes:
    return _grey16_le(frame[..., ::-1], window)


def _rgb565_le(frame: Bytes, _: Window) -> Bytes:
    word = frame[..., 1].astype(np.uint16) << 8 | frame[..., 0]
    red, green, blue = word >> 11, word >> 5 & 63, word & 31
    fields = red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2
    image: Bytes = np.stack(fields, axis=2).astype(np.uint8)
    return image


def _rgb565_be(frame: Bytes, window: Window) -> Bytes:
    return _rgb565_le(frame[..., ::-1], window)


def _yuyv(frame: Bytes, _: Window) -> Bytes:
    luma, chroma = frame[..., 0].astype(np.int32), frame[..., 1].astype(np.int32) - 128
    u, v = np.repeat(chroma[:, ::2], 2, axis=1), np.repeat(chroma[:, 1::2], 2, axis=1)
    red = luma + ((359 * v + 128) >> 8)
    green = luma - ((88 * u + 183 * v + 128) >> 8)
    blue = luma + ((454 * u + 128) >> 8)
    image: Bytes = np.stack((red, green, blue), axis=2).clip(0, 255).astype(np.uint8)
    return image


_FORMATS: dict[str, tuple[int, Callable[[Bytes, Window], Bytes]]] = {
    "grey": (1, _as_is),
    "grey16_le": (2, _grey16_le),
    "grey16_be": (2, _grey16_be),
    "rgb888": (3, _as_is),
    "rgb565_le": (2, _rgb565_le),
    "rgb565_be": (2, _rgb565_be),
    "yuyv": (2, _yuyv),
}
