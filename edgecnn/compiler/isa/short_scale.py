# SPDX-License-Identifier: Apache-2.0
"""Where the short way to scale sums, short_scale.h's, is exact."""

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.kernel import FLAG, Line, Sums
from edgecnn.compiler.ops._linear import Linear

MOST_RIGHT = 21  # bits that kernel_scale may shift by
GENERAL_SCALE = Line.trained(
    "int16_t general_scale", "1: some channel needs kernel_requantize, 0: kernel_scale serves all", FLAG
)
BIASES_AND_MULTIPLIERS = Line.trained(
    "const int32_t *scale",
    "for each channel the bias, with the input's zero point folded in, and the multiplier",
)
IN_PAIRS = Sums("scale", "scale", stride=2, general="general_scale")
APART = Sums(general="general_scale")


def pairs(linear: Linear) -> NDArray[np.int32]:
    """Return the table `scale` of a kernel whose biases and multipliers lie in pairs."""
    stacked: NDArray[np.int32] = np.stack([linear.folded_bias(), linear.multiplier], axis=1).astype(np.int32)
    return stacked


def needs_general_scale(linear: Linear) -> bool:
    """Tell whether some channel is outside the conditions of `kernel_scale`."""
    simple = (linear.bound() < 1 << 30) & (linear.shift <= -1) & (linear.shift >= -MOST_RIGHT)
    return not bool(simple.all())
