# SPDX-License-Identifier: Apache-2.0
"""What kernels for NEON, the vectors of Arm's larger cores, want of weights and scales (neon.h)."""

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import int4
from edgecnn.compiler.kernel import Line, Params
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.quant import INT8_MIN
from edgecnn.compiler.steps import Step

CHANNELS, TAPS = 4, 16  # at once
SHIFT = Line.trained("const int32_t *shift")


def fits(linear: Linear) -> bool:
    """Tell whether two products of any bytes with the weights, or 16 times those of four bits, fit 16 bits.

    Raises:
        ModelError: they have to, as others may take their place.
    """
    least = int4.LOWEST if linear.narrow else INT8_MIN
    return linear.may_choose(not (linear.weights == least).any())


def pack(matrix: NDArray[np.int8], narrow: bool = False) -> NDArray[np.int8]:
    """Return int8[channels, taps] as int8[fours of channels, blocks of taps, 4, 16], filled up with zeros.

    `narrow` weights, of four bits, lie in int8[..., 2, 16], of two channels in a byte.
    """
    channels, taps = matrix.shape
    padded = np.pad(matrix, ((0, -channels % CHANNELS), (0, -taps % TAPS)))
    fours = padded.reshape(-1, CHANNELS, padded.shape[1] // TAPS, TAPS)
    ordered = np.ascontiguousarray(fours.transpose(0, 2, 1, 3))
    if not narrow:
        return ordered
    low, high = ordered[:, :, ::2], ordered[:, :, 1::2]
    return np.ascontiguousarray(low & 15 | high << 4, np.int8)


def params(step: Step) -> Params:
    """Return a portable step's parameters with shifts of 32 bits, of which a vector has four."""
    return {**step.params, "shift": np.asarray(step.params["shift"], np.int32)}
