# SPDX-License-Identifier: Apache-2.0
"""Tables of numbers as C text."""

from binascii import hexlify

import numpy as np
from numpy.typing import NDArray

CTYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "int64": "int64_t",
}
_LINE = 100  # columns
_LONG = (
    1 << 16
)  # bytes from which a table is written as words: gcc reads 15 MB of them in 8 s, of bytes in 34 s
_WORDS_PER_LINE = 5


LITTLE_ENDIAN_CHECK = """\
#if (defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) || defined(__ARM_BIG_ENDIAN)
#error "this file is for little-endian processors, and this one is big-endian"
#endif
"""


def is_long(values: NDArray[np.generic]) -> bool:
    """Tell whether `table` writes these values as 64-bit words."""
    return values.dtype == np.int8 and values.nbytes > _LONG


def table(name: str, values: NDArray[np.generic]) -> str:
    """Return the definition of a static const array called `name`."""
    if is_long(values):
        return f"static const uint64_t {name}[] = {{ /* 8 values each */\n{_words(values.tobytes())}\n}};\n"
    kind = CTYPES[values.dtype.name]
    return f"static const {kind} {name}[{values.size}] = {{{_numbers(values)}}};\n"


def pointer(name: str, values: NDArray[np.generic]) -> str:
    """Return the expression that points to the first value of a table."""
    return f"(const int8_t *){name}" if is_long(values) else name


def bytes_pointer(name: str, values: NDArray[np.generic]) -> str:
    """Return the expression that points to the first byte of a table."""
    wider = values.itemsize > 1 and not is_long(values)
    return f"(const int8_t *)(const void *){name}" if wider else pointer(name, values)


def _numbers(values: NDArray[np.generic]) -> str:
    numbers = [str(value) for value in values.ravel().tolist()]
    # INT32_MIN has no literal in C: 2147483648 is no int.
    numbers = ["(-2147483647 - 1)" if number == "-2147483648" else number for number in numbers]
    if sum(map(len, numbers)) + 2 * len(numbers) < _LINE // 2:
        return ", ".join(numbers)
    lines, line = [], "   "
    for number in numbers:
        if len(line) + len(number) + 2 > _LINE:
            lines.append(line)
            line = "   "
        line += f" {number},"
    return "\n" + "\n".join([*lines, line.rstrip(",")]) + "\n"


def _words(data: bytes) -> str:
    """Return bytes as 64-bit hexadecimal numbers, the first byte lowest; zeros fill the last."""
    words = np.frombuffer(data + bytes(-len(data) % 8), "<u8").astype(">u8")
    text = hexlify(words.tobytes()).decode()
    numbers = [f"0x{text[at : at + 16]}" for at in range(0, len(text), 16)]
    lines = (", ".join(numbers[at : at + _WORDS_PER_LINE]) for at in range(0, len(numbers), _WORDS_PER_LINE))
    return ",\n".join(lines)
