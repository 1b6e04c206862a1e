# SPDX-License-Identifier: Apache-2.0
"""The words in which ops say what they are, for whoever needs to know no more of them than that."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.quant import Int64s


class Channels(Enum):
    """On which channels of an operator's inputs each channel depends that it makes."""

    MIXED = "nothing is known"
    SAME = "the same channel of each input"
    JOINED = "one: they are those of the inputs, side by side"
    GROUPED = "one, times a weight, as several others may"
    SUMMED = "all, each times a weight"


@dataclass(frozen=True, eq=False)
class Range:
    """The smallest and the largest value of each channel, int64[channels]."""

    low: Int64s
    high: Int64s

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which channels can take one value only."""
        return np.asarray(self.low == self.high)


@dataclass(frozen=True)
class Layout:
    """Where an operator that multiplies by weights has what: the weights are always input 1.

    `channel_axis` is that of output channels in the weights, `source` and `bias` are positions of inputs.
    `float32_scales` tells whether TensorFlow Lite multiplies the scales of a tensor in float32, `wide_bias`
    whether a bias over int16 must be int64.
    """

    channel_axis: int
    source: int = 0
    bias: int = 2
    float32_scales: bool = False
    wide_bias: bool = False
