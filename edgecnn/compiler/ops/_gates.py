# SPDX-License-Identifier: Apache-2.0
"""Sigmoid and tanh over fixed point of 16 bits, as gemmlowp computes them for the gates of recurrent ops.

A number of `bits` integer bits has 15 - bits behind the point. Source: fixedpoint.h of gemmlowp.
"""

import numpy as np

from edgecnn.compiler import quant
from edgecnn.compiler.quant import Int64s

_ONE = 32767  # of no integer bits, as near as there is
_EIGHTH, _THIRD, _EXP_EIGHTH = 1 << 12, 10923, 28918  # 1/8, 1/3 and exp(-1/8)
# exp(-2**exponent) for the exponents from -2 on.
_EXPONENTIALS = (25520, 19875, 12055, 4435, 600, 11, 0)
_FIRST = -2
_TWO_BITS_ONE = 1 << 13
_48_OVER_17, _NEG_32_OVER_17 = 23130, -15420  # of two integer bits


def logistic(value: Int64s) -> Int64s:
    """Return the sigmoid, of no integer bits, of numbers of three."""
    positive = _over_one_plus(_exp(-np.abs(value), 3))
    return np.where(value == 0, 1 << 14, np.where(value > 0, positive, _ONE - positive))


def tanh(value: Int64s, bits: int) -> Int64s:
    """Return the hyperbolic tangent, of no integer bits, of numbers of `bits`."""
    half = _half_sum(_exp(-np.abs(value), bits + 1))
    positive = _saturated(_reciprocal(half) - _TWO_BITS_ONE, 2)
    return np.where(value == 0, 0, np.where(value < 0, -positive, positive))


def _mul(a: Int64s, b: Int64s | int) -> Int64s:
    """Return SaturatingRoundingDoublingHighMul of 16 bits."""
    product = a * b
    total = product + np.where(product >= 0, 1 << 14, 1 - (1 << 14))
    return np.minimum(quant.shift_towards_zero(total, 15), 32767)


def _saturated(value: Int64s, exponent: int) -> Int64s:
    return np.clip(value << exponent, *quant.limits("int16"))


def _half_sum(value: Int64s) -> Int64s:
    """Return RoundingHalfSum of numbers and one."""
    total = value + _ONE
    return quant.shift_towards_zero(total + np.where(total >= 0, 1, -1), 1)


def _exp(value: Int64s, bits: int) -> Int64s:
    """Return exp of numbers of 0 or less."""
    fraction = 15 - bits
    quarter = 1 << (fraction - 2)
    rest = (value & (quarter - 1)) - quarter
    result = _exp_of_quarter(_saturated(rest, bits))
    remainder = rest - value
    for number, factor in enumerate(_EXPONENTIALS):
        exponent = _FIRST + number
        if bits > exponent:
            result = np.where(remainder & (1 << (fraction + exponent)), _mul(result, factor), result)
    return np.where(value == 0, _ONE, result)


def _exp_of_quarter(value: Int64s) -> Int64s:
    """Return exp of numbers from -1/4 to 0 of no integer bits, by a series around -1/8."""
    x = value + _EIGHTH
    square = _mul(x, x)
    cube, fourth = _mul(square, x), _mul(square, square)
    series = _mul(quant.divide_by_power_of_two(fourth, 2) + cube, _THIRD) + square
    more = _mul(x + quant.divide_by_power_of_two(series, 1), _EXP_EIGHTH)
    return np.clip(more + _EXP_EIGHTH, *quant.limits("int16"))


def _reciprocal(half: Int64s) -> Int64s:
    """Return 1 / half, of two integer bits, by three steps of Newton's."""
    x = _48_OVER_17 + _mul(half, _NEG_32_OVER_17)
    for _ in range(3):
        x = x + _saturated(_mul(x, _TWO_BITS_ONE - _mul(half, x)), 2)
    return x


def _over_one_plus(value: Int64s) -> Int64s:
    """Return 1 / (1 + value) for numbers from 0 to 1 of no integer bits."""
    return _saturated(_reciprocal(_half_sum(value)), 1)
