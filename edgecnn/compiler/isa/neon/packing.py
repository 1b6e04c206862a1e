# SPDX-License-Identifier: Apache-2.0
"""What kernels for NEON, the vectors of Arm's larger cores, want of weights and scales (neon.h)."""

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.kernel import Line, Params
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.quant import INT8_MIN
from edgecnn.compiler.steps import Step

CHANNELS, TAPS = 4, 16  # at once
SHIFT = Line.trained("const int32_t *shift")


def fits(linear: Linear) -> bool:
    """Tell whether two products of any bytes with the weights fit 16 bits.

    Raises:
        ModelError: they have to, as others may take their place.
    """
    return linear.may_choose(not (linear.weights == INT8_MIN).any())


def pack(matrix: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return int8[channels, taps] as int8[fours of channels, blocks of taps, 4, 16], filled up with zeros."""
    channels, taps = matrix.shape
    padded = np.pad(matrix, ((0, -channels % CHANNELS), (0, -taps % TAPS)))
    fours = padded.reshape(-1, CHANNELS, padded.shape[1] // TAPS, TAPS)
    return np.ascontiguousarray(fours.transpose(0, 2, 1, 3))


def params(step: Step) -> Params:
    """Return a portable step's parameters with shifts of 32 bits, of which a vector has four."""
    return {**step.params, "shift": np.asarray(step.params["shift"], np.int32)}
