# SPDX-License-Identifier: Apache-2.0
"""What kernels for AVX2 and AVX-512 want of weights and scales (avx2.h)."""

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import quant
from edgecnn.compiler.isa.avx2.float_scale import find_float_scale
from edgecnn.compiler.isa.short_scale import needs_general_scale
from edgecnn.compiler.kernel import Line, Params
from edgecnn.compiler.ops._linear import Linear

LANES = 16  # channels at once
TAPS = 4  # in a group
WIDE = 2  # bytes of a widened input, at most
GENERAL, SIMPLE, FLOAT, SIGNED_FLOAT = range(4)  # ways to scale
SCALING = Line.plan("int16_t scale_kind, corrections", "see kernel_scale_lanes")


def pack_filter(runs: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return weights int8[channels, runs, taps] for LANES channels after the other: runs, groups, channels.

    Channels and the taps of each run are filled up with zeros.
    """
    channels, count, taps = runs.shape
    padded = np.pad(runs, ((0, -channels % LANES), (0, 0), (0, -taps % TAPS)))
    return padded.reshape(-1, LANES, count, padded.shape[2] // TAPS, TAPS).transpose(0, 2, 3, 1, 4).ravel()


def scaling(linear: Linear, channels: NDArray[np.intp] | None = None) -> Params:
    """Return the fields `scale_kind`, `corrections` and `scale`, for `kernel_scale_lanes`.

    Weights that lie apart from the code are scaled in integers, as some training may need that.
    For LANES channels after the other `scale` holds biases, for inputs + 128; then multipliers and shifts, or
    floats as their bits, and corrections.

    Args:
        linear: what is scaled.
        channels: those that lie in the lanes, by default all in order; the last lanes are filled up.
    """
    bias = linear.folded_bias() - 128 * linear.weight_sums()
    kind, rows = GENERAL, [linear.multiplier, linear.shift]
    if not linear.apart and not needs_general_scale(linear):
        kind, in_float = SIMPLE, find_float_scale(linear)
        if in_float is not None:
            kind, bias = SIGNED_FLOAT if in_float.signed else FLOAT, bias + in_float.move
            rows = [in_float.scale.view(np.int32), in_float.offset.view(np.int32)]
            for pair in zip(in_float.corrected, in_float.correction, strict=True):
                rows += pair
    chosen = np.arange(len(bias)) if channels is None else channels
    padded = [np.pad(values[chosen], (0, -len(chosen) % LANES)) for values in (quant.wrap(bias), *rows)]
    scale = np.stack([values.reshape(-1, LANES) for values in padded], axis=1)
    return {
        "scale_kind": kind,
        "corrections": (len(rows) - 2) // 2,
        "scale": scale.ravel().astype(np.int32),
    }
