# SPDX-License-Identifier: Apache-2.0
"""For which biases, multipliers and shifts the C of a kernel is defined, whatever its other weights are.

Limits follow from the architecture, never from the weights at hand: a retrained model stays acceptable.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.kernel import Params, Sums

_LEAST_SHIFT, _LAST_SHIFT = -21, -1  # what kernel_scale takes


@dataclass(frozen=True)
class SumLimits:
    """What a step's parameters have where its kernel's `sums` says.

    Attributes:
        bias, multiplier, shift: the tables, without what lies between.
        reach: what products may add to a bias, in magnitude.
        wide: whether sums have 64 bits.
    """

    bias: NDArray[Any]
    multiplier: NDArray[Any]
    shift: NDArray[Any]
    reach: int
    wide: bool

    @staticmethod
    def of(sums: Sums, params: Params) -> "SumLimits":
        """Read them."""
        bias, multiplier, shift, filter_ = (
            np.asarray(params[name]) for name in (sums.bias, sums.multiplier, sums.shift, "filter")
        )
        if sums.stride > 1:
            bias, multiplier = bias[:, 0], multiplier[:, 1]
        channels = int(params.get("out", multiplier.size))
        # Products of 128 * 128 at most; kernels that tell packed sums apart make twice that of some bytes.
        reach = (-(-filter_.nbytes // channels) + 64) << 15
        return SumLimits(bias, multiplier, shift, reach, bool(sums.wide))

    def simple(self) -> bool:
        """Tell whether `kernel_scale` is defined for all of them, whatever the weights."""
        shift, most = self.shift.astype(np.int64), np.abs(self.bias.astype(np.int64)) + self.reach
        return bool((most < 1 << 30).all() and (shift >= _LEAST_SHIFT).all() and (shift <= _LAST_SHIFT).all())

    def fit(self) -> bool:
        """Tell whether the sums fit the bits that they have, whatever the weights: what the C asks, too."""
        most = np.abs(self.bias.astype(np.int64)) + (0 if self.wide else self.reach)
        return bool((most < 1 << (47 if self.wide else 31)).all())
