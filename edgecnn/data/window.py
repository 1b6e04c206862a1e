# SPDX-License-Identifier: Apache-2.0
"""The window: which values of a picture of more than 8 bits become 0 to 255, in integers, as C repeats it.

    byte = (clip(value, low, high) - low) * 256 // (high - low + 1)         low and high belong to it

So 0:65535 takes the upper byte of 16 bits, and 0:4095 the upper 8 bits of 12. Where the picture or a bound is
not of integers, no value is the next one, and what would be 256 is 255; it is float64 rounded down:

    byte = min(255, (clip(value, low, high) - low) * 256 / (high - low))

Pictures of 8 bits are bytes already; no window changes them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Window
from edgecnn.compiler.reading.metadata import parse_window
from edgecnn.errors import DataError

BYTE, FULL = Window(0, 255), Window(0, 65535)
NEEDED, AUTO = "needed", "auto"  # what may be asked for in place of LOW:HIGH
# Upper bytes would leave fewer than 65 grey values to what spans less: 10, 12 or 14 bits that lie in 16.
FEWEST = 1 << 14


def to_bytes(pixels: NDArray[Any], window: Window) -> NDArray[np.uint8]:
    """Turn integers or floats of any shape into bytes by the rule at the top of this file; NaN becomes 0."""
    low, high = window
    if np.issubdtype(pixels.dtype, np.integer) and isinstance(low, int) and isinstance(high, int):
        values = pixels.astype(np.int64).clip(low, high) - low
        return (values * 256 // (high - low + 1)).astype(np.uint8)
    real = np.nan_to_num(pixels.astype(np.float64), nan=low).clip(low, high) - low
    return np.minimum(255, real * 256 / (high - low)).astype(np.uint8)


def upper_bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Turn 16-bit values, for which there is no window, into their upper bytes.

    Raises:
        ValueError: they are no 16 bits, or use so few of them that what tells them apart would be lost.
    """
    low, high = pixels.min().item(), pixels.max().item()
    sixteen_bits = np.issubdtype(pixels.dtype, np.integer) and low >= 0 and high <= FULL.high
    if not sixteen_bits or low < high < low + FEWEST:
        raise ValueError(
            f"its values are {low:,} to {high:,}; which of them become 0 to 255 has to be said by "
            "--window LOW:HIGH"
        )
    return to_bytes(pixels, FULL)


def parse_choice(text: str) -> str:
    """Return "needed", "auto", or a window as run.json has it.

    Raises:
        DataError: `text` says none of them.
    """
    if text in (NEEDED, AUTO):
        return text
    try:
        return str(parse_window(text))
    except ValueError:
        raise DataError(
            f"window {text!r} is not LOW:HIGH; give two numbers, the lower one first, such as 0:4095, or auto"
        ) from None
