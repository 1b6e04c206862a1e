# SPDX-License-Identifier: Apache-2.0
"""Which fields of kernels' parameters training changes, and for which of their values the C is defined.

A field that is not named here follows from the architecture, or is a plan of ours, and stays in the code.
Limits follow from the architecture too, never from the weights at hand: a retrained model stays acceptable.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import quant
from edgecnn.compiler.steps import Step

Limits = tuple[int, int]

_MULTIPLIER, _SHIFT = (0, quant.INT32_MAX), (-31, 30)
_ZERO_POINT, _OFFSET, _FLAG = (-128, 127), (-127, 128), (0, 1)
_SIMPLE_SHIFT = (-21, -1)  # what kernel_scale takes

# Numbers by field, or by kernel and field.
_NUMBERS: Mapping[str, Limits] = {
    "input_zero_point": _ZERO_POINT,
    "output_zero_point": _ZERO_POINT,
    "first_offset": _OFFSET,
    "second_offset": _OFFSET,
    "general_scale": _FLAG,
    "multiplier": _MULTIPLIER,
    "alpha_multiplier": _MULTIPLIER,
    "below_multiplier": _MULTIPLIER,
    "first_multiplier": _MULTIPLIER,
    "second_multiplier": _MULTIPLIER,
    "output_multiplier": _MULTIPLIER,
    "first_shift": (-31, 0),
    "second_shift": (-31, 0),
    "output_shift": _SHIFT,
    "shift": _SHIFT,
    "below_shift": _SHIFT,
    "alpha_shift": _SHIFT,
    "softmax.s16/shift": (-31, 15),
    "add.scalar/first_shift": (-21, 0),
    "add.scalar/second_shift": (-21, 0),
    "add.scalar/output_shift": _SIMPLE_SHIFT,
    "add.mve/output_shift": (-31, -1),
    "mul.scalar/shift": _SIMPLE_SHIFT,
    **dict.fromkeys(("logistic.s16/multiplier", "tanh.s16/multiplier"), (0, 32767)),
    **dict.fromkeys(("logistic.s16/shift", "tanh.s16/shift"), (0, 31)),  # to the right
}
_TABLES = frozenset(
    ("filter", "bias", "multiplier", "shift", "scale", "table", "thresholds", "first", "second", "output")
)
_SAME_FOR_ALL = frozenset(("logistic.s16/table", "tanh.s16/table"))
_OVER = ("rows", "parts", "over_columns", "over_channels")  # what a mean is of
_WIDE_NUMBERS = frozenset(("bias", *(field for field in _NUMBERS if field.endswith("multiplier"))))


def is_trained_table(step: Step, field: str) -> bool:
    """Tell whether training changes a table of a step's parameters."""
    return field in _TABLES and f"{step.key}/{field}" not in _SAME_FOR_ALL


def number_limits(step: Step, field: str) -> Limits | None:
    """Return the least and the largest value of a number of a step's parameters; None for one that stays."""
    if field in ("activation_min", "activation_max"):
        return quant.limits("int16" if step.types == "s16" else "int8")
    if field == "bias":  # of a mean: the input's zero point, as often as there are values
        most = 128 * math.prod(int(step.params.get(name, 1)) for name in _OVER)
        return -most, most
    return _NUMBERS.get(f"{step.key}/{field}", _NUMBERS.get(field))


def has_32_bits(field: str) -> bool:
    """Tell whether a number has 32 bits in the kernels' parameters; the others have 16."""
    return field in _WIDE_NUMBERS


@dataclass(frozen=True)
class Sums:
    """How a step's sums of products become outputs: biases, and multipliers and shifts of all or of each.

    Attributes:
        bias, multiplier, shift: the tables, without what lies between.
        fields: the C expression of each, behind the step's name.
        stride: from one bias or multiplier to the next.
        reach: what products may add to a bias, in magnitude.
    """

    bias: NDArray[Any]
    multiplier: NDArray[Any]
    shift: NDArray[Any]
    fields: tuple[str, str, str]
    stride: int
    reach: int

    @property
    def wide(self) -> bool:
        """Whether sums have 64 bits."""
        return self.bias.dtype == np.int64

    def simple(self) -> bool:
        """Tell whether `kernel_scale` is defined for all of them, whatever the weights."""
        shift, most = self.shift.astype(np.int64), np.abs(self.bias.astype(np.int64)) + self.reach
        return bool((most < 1 << 30).all() and (shift >= _SIMPLE_SHIFT[0]).all() and (shift <= -1).all())

    def fit(self) -> bool:
        """Tell whether the sums fit the bits that they have, whatever the weights: what the C asks, too."""
        most = np.abs(self.bias.astype(np.int64)) + (0 if self.wide else self.reach)
        return bool((most < 1 << (47 if self.wide else 31)).all())


def sums_of(step: Step) -> Sums | None:
    """Return the sums of a step; None where it has none, or scales them by vectors, which wrap."""
    params = step.params
    scale, bias, shift = (params.get(name) for name in ("scale", "bias", "shift"))
    weights = params.get("filter")
    if not isinstance(shift, np.ndarray) or not isinstance(weights, np.ndarray):
        return None
    if isinstance(scale, np.ndarray) and scale.ndim == 2:
        bias, multiplier, fields, stride = scale[:, 0], scale[:, 1], ("scale", "scale + 1", "shift"), 2
    else:
        bias, multiplier = np.asarray(bias), np.asarray(params["multiplier"])
        fields, stride = ("bias", "multiplier", "shift"), 1
    channels = int(params.get("out", multiplier.size))
    # Products of 128 * 128 at most; kernels that tell packed sums apart make up to twice that of any bytes.
    reach = (-(-weights.nbytes // channels) + 64) << 15
    return Sums(bias, multiplier, shift, fields, stride, reach)
