# SPDX-License-Identifier: Apache-2.0
"""Tables between whose entries kernels for int16 interpolate: they can't have one for each value."""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import quant

Float64s = quant.Float64s
_PARTS = 512  # of the range of int16
_UNIT = 32768


def table_of(function: Callable[[Float64s], Float64s], first: float, last: float) -> NDArray[np.int16]:
    """Return 513 values of `function` from `first` to `last`, with 15 bits below the point.

    Half of what a straight line to the next entry misses in the middle is added to each but the last.
    Source: LUTPopulate of TensorFlow Lite for int16.
    """
    step = (last - first) / _PARTS
    at = first + np.arange(_PARTS) * step
    value, middle, following = (_UNIT * function(x) for x in (at, at + step / 2, at + step))
    error = quant.round_all((following + quant.round_all(value)) / 2) - quant.round_all(middle)
    end = quant.round_all(_UNIT * function(np.array([last], np.float64)))
    entries = np.append(quant.round_all(value) - quant.round_all(error / 2), end)
    return np.clip(entries, *quant.limits("int16")).astype(np.int16)


def looked_up(value: quant.Int64s, table: NDArray[np.int16]) -> quant.Int64s:
    """Return what lies at int16 values between the entries of such a table: LUTLookup of TensorFlow Lite."""
    index, fraction, entries = 256 + (value >> 7), value & 127, table.astype(np.int64)
    base = entries[index]
    return np.asarray(base + (((entries[index + 1] - base) * fraction + 64) >> 7))


@cache
def sigmoid_table() -> NDArray[np.uint16]:
    """Return the sigmoid of i / 24 for i = 0 to 255, with 16 bits below the point.

    To each entry half of what a straight line to the next one misses in the middle is added, before it is
    rounded; the last one is as near to 1 as there is room. That makes the table of TensorFlow Lite's
    integer_ops/logistic.h and tanh.h.
    """
    at = np.arange(256)
    entry, middle, following = (65536 / (1 + np.exp(-(at + shift) / 24)) for shift in (0, 0.5, 1))
    table = np.floor(entry + (middle - (entry + following) / 2) / 2 + 0.5)
    table[-1] = 65535
    return np.asarray(table, np.uint16)


def sigmoid_at(value: quant.Int64s, fraction_bits: int, most: int) -> quant.Int64s:
    """Return the sigmoid of value / 24 / 2**fraction_bits for values of 0 or more, with as many bits more.

    From the last entry on, it is `most` without a fraction.
    """
    table = sigmoid_table().astype(np.int64)
    index = value >> fraction_bits
    base, following = (table[np.minimum(index + more, 255)] for more in (0, 1))
    fraction = value & ((1 << fraction_bits) - 1)
    return np.where(
        index >= 255, most << fraction_bits, (base << fraction_bits) + fraction * (following - base)
    )
