# SPDX-License-Identifier: Apache-2.0
"""The one rule by which numbers that are no pixels become a model's bytes, by a range for each channel.

    byte   = floor((number + offset) * factor), held between 0 and 255; NaN is 0
    step   = (high - low) / 255        offset = step / 2 - low        factor = 1 / step

So `low` is 0, `high` is 255, and what lies between goes to the nearest step. Offset and factor are rounded to
float32 once; the sum and the product are float32, too. As the sum comes first, no compiler can make one
operation of the two, and C repeats the rule to the byte, whatever its flags.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import quant
from edgecnn.compiler.ir import Normalization, Ranges, Window
from edgecnn.compiler.picture import UNIT, as_values

Float = NDArray[np.float32]
_STEPS = 255


def constants(ranges: Ranges) -> tuple[Float, Float]:
    """Return the offset and the factor of each channel, or of all where there is one range."""
    low, high = (np.array(ends, np.float64) for ends in zip(*ranges, strict=True))
    step = (high - low) / _STEPS
    return (step / 2 - low).astype(np.float32), (1 / step).astype(np.float32)


def as_bytes(numbers: Float, ranges: Ranges) -> NDArray[np.uint8]:
    """Turn float32 numbers, (..., channels), into bytes by the rule at the top of this file."""
    offset, factor = constants(ranges)
    with np.errstate(over="ignore", invalid="ignore"):  # beyond what float32 holds is beyond the range, too
        steps = (numbers.astype(np.float32) + offset) * factor
    return np.asarray(np.floor(np.clip(np.nan_to_num(steps, nan=0.0), 0, _STEPS)), np.uint8)


def of_scale(scale: float, zero_point: int, lowest: int) -> Ranges:
    """Return the range of an input of 8 bits that is quantized so; `lowest` is the least that it holds."""
    return (Window(scale * (lowest - zero_point), scale * (lowest + _STEPS - zero_point)),)


def seen_as(ranges: Ranges, scaling: Normalization | None) -> Ranges:
    """Return what a model sees of such ranges: of each channel (end - mean) / deviation, if it is scaled."""
    if scaling is None:
        return ranges
    channels = max(len(ranges), len(scaling.mean))
    ends, mean, deviation = (
        np.broadcast_to(np.array(values), (channels, *np.shape(values)[1:]))
        for values in (ranges, scaling.mean, scaling.deviation)
    )
    low, high = (ends.T - mean) / deviation
    return tuple(Window(*pair) for pair in zip(low.tolist(), high.tolist(), strict=True))


def as_input(
    numbers: Float, ranges: Ranges | None, scale: float, zero_point: int, dtype: str
) -> NDArray[Any]:
    """Return what an input takes for numbers, (..., channels).

    Args:
        numbers: float32.
        ranges: what the model says becomes the least and the greatest of 8 bits, or 0 and 1; None: numbers go
            in by the input's scale, or as they are without.
        scale: of the input; 0 where it isn't quantized.
        zero_point: of the input.
        dtype: of the input.
    """
    if dtype in ("int8", "uint8"):
        low, _ = quant.limits(dtype)
        own = ranges or of_scale(scale, zero_point, low)
        return np.asarray((as_bytes(numbers, own).astype(np.int64) + low).astype(dtype))
    if ranges is not None:
        return as_values(as_bytes(numbers, ranges), quant.byte_table(UNIT, scale, zero_point, dtype))
    if not scale:
        return numbers.astype(dtype)
    steps = np.floor(numbers.astype(np.float64) / scale + 0.5) + zero_point
    return np.asarray(steps.clip(*quant.limits(dtype)).astype(dtype))
