# SPDX-License-Identifier: Apache-2.0
"""Numbers of four bits, -8 to 7, two of which lie in a byte, the first in its low half.

Source: UnpackDenseInt4IntoInt8 of TensorFlow Lite.
"""

import numpy as np
from numpy.typing import NDArray

DTYPE = "int4"  # what a file calls it
LOWEST, HIGHEST = -8, 7


def packed(values: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return int8 of any shape, each -8..7, as the int8[(size + 1) // 2] that hold them; 0 fills the last."""
    halves = np.pad(values.reshape(-1), (0, values.size % 2)).view(np.uint8) & 15
    return (halves[::2] | halves[1::2] << 4).view(np.int8)


def unpacked(values: NDArray[np.generic]) -> NDArray[np.int8]:
    """Return n bytes as the int8[2 * n], each -8..7, that they hold."""
    whole = values.reshape(-1).view(np.uint8)
    halves = np.stack([whole << 4, whole & 0xF0], axis=1).view(np.int8)
    return np.asarray(halves >> 4).ravel()


def holds(values: NDArray[np.generic]) -> bool:
    """Tell whether four bits hold all values."""
    return bool(np.all((values >= LOWEST) & (values <= HIGHEST)))  # type: ignore[operator]
