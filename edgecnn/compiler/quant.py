# SPDX-License-Identifier: Apache-2.0
"""Rounding, in one place: how TensorFlow Lite's reference kernels turn real scales into integers.

The arithmetic is that of tflite-runtime 2.14 (BUILTIN_REF), which TensorFlow Lite Micro shares: a
multiplier of 31 bits and a shift, rounded twice. Arrays are int64 that hold 32-bit values.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Normalization, Quantization

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
INT8_MIN, INT8_MAX = -128, 127
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1

# The real values that each fused activation lets through.
ACTIVATIONS: dict[str, tuple[float | None, float | None]] = {
    "none": (None, None),
    "relu": (0.0, None),
    "relu_n1_to_1": (-1.0, 1.0),
    "relu6": (0.0, 6.0),
}


def round_half_away(value: float) -> int:
    """Round to the nearest integer, halves away from zero, as C's `round` does."""
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)


def round_all(values: Float64s) -> Float64s:
    """Round each to the nearest integer, halves away from zero, as `round_half_away` does."""
    return np.copysign(np.floor(np.abs(values) + 0.5), values)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Return (multiplier, shift) with real = multiplier * 2**(shift - 31), multiplier 0 or in [2**30, 2**31).

    Source: QuantizeMultiplier of TensorFlow Lite.
    """
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * 2**31)
    if multiplier == 2**31:
        multiplier, shift = multiplier // 2, shift + 1
    if shift > 31:  # what C can't shift by: any result saturates
        return INT32_MAX, 31
    return (0, 0) if shift < -31 else (multiplier, shift)


def power_of_two(scale: float) -> int | None:
    """Return the exponent of a scale that TensorFlow Lite takes for a power of two, or None: CheckedLog2."""
    exact = float(np.log(np.float32(scale)) * (np.float32(1) / np.log(np.float32(2))))
    exponent = round_half_away(exact)
    return exponent if abs(exact - exponent) < 1e-3 else None


def float32_ratio(*scales: float, output: float) -> float:
    """Return the product of `scales` over `made`, every step in float32, as most kernels compute it."""
    with np.errstate(over="ignore"):
        ratio = np.multiply.reduce(np.array(scales, np.float32)) / np.float32(output)
    largest = float(np.finfo(np.float32).max)
    return max(-largest, min(float(ratio), largest))


def wrap(values: Int64s) -> Int64s:
    """Return `values` modulo 2**32 as signed 32-bit numbers: what int32 arithmetic leaves."""
    return values.astype(np.uint32).astype(np.int32).astype(np.int64)


def doubling_high_mul(a: Int64s, b: Int64s | int) -> Int64s:
    """Return round(a * b / 2**31), saturated: SaturatingRoundingDoublingHighMul of gemmlowp."""
    product = a * np.int64(b) if isinstance(b, int) else a * b
    nudge = np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    total = product + nudge
    # C divides towards zero, NumPy towards minus infinity.
    quotient = np.where(total >= 0, total >> 31, -((-total) >> 31))
    return np.minimum(quotient, INT32_MAX)


def high_mul_16(a: Int64s, b: int) -> Int64s:
    """Return round(a * b / 2**15): SaturatingRoundingDoublingHighMul of gemmlowp, on 16 bits."""
    product = a * b
    return shift_towards_zero(product + np.where(product >= 0, 1 << 14, 1 - (1 << 14)), 15)


def shift_towards_zero(value: Int64s, exponent: int) -> Int64s:
    """Return value / 2**exponent without its fraction, as C divides."""
    return np.asarray(np.sign(value) * (np.abs(value) >> exponent))


def divide_by_power_of_two(value: Int64s, exponent: Int64s | int) -> Int64s:
    """Return value / 2**exponent, halves away from zero: RoundingDivideByPOT of gemmlowp."""
    mask = (np.int64(1) << np.asarray(exponent, np.int64)) - 1
    remainder = value & mask
    threshold = (mask >> 1) + (value < 0)
    return (value >> np.asarray(exponent, np.int64)) + (remainder > threshold)


def multiply_by_power_of_two(value: Int64s, exponent: int) -> Int64s:
    """Return value * 2**exponent, saturated to 32 bits, for an exponent of 0 or more."""
    return np.clip(value << exponent, INT32_MIN, INT32_MAX)


def requantize(acc: Int64s, multiplier: Int64s | int, shift: Int64s | int) -> Int64s:
    """Return acc * multiplier * 2**(shift - 31), rounded twice: MultiplyByQuantizedMultiplier.

    `multiplier` and `shift` are numbers, or arrays that broadcast against `acc`.
    """
    shift = np.asarray(shift, np.int64)
    left = np.maximum(shift, 0)
    right = np.maximum(-shift, 0)
    shifted = wrap(np.asarray(acc, np.int64) << left)
    return divide_by_power_of_two(doubling_high_mul(shifted, np.asarray(multiplier, np.int64)), right)


def reduced(multiplier: Int64s) -> Int64s:
    """Return multipliers of 31 bits rounded to 15, by which sums of 64 bits are scaled."""
    return np.minimum((multiplier + (1 << 15)) >> 16, (1 << 15) - 1)


def requantize_wide(acc: Int64s, multiplier: Int64s, shift: Int64s) -> Int64s:
    """Return acc * multiplier * 2**(shift - 31), by the `reduced` multiplier, rounded once, halves up.

    Source: MultiplyByQuantizedMultiplier of TensorFlow Lite for 64 bits. Arguments are as for `requantize`.
    """
    right = 15 - np.asarray(shift, np.int64)
    return np.asarray((acc * reduced(multiplier) + (np.int64(1) << (right - 1))) >> right)


def limits(dtype: str) -> tuple[int, int]:
    """Return the smallest and the largest value of an integer type."""
    info = np.iinfo(dtype)
    return info.min, info.max


def activation_range(activation: str, quantization: Quantization, dtype: str) -> tuple[int, int]:
    """Return (activation_min, activation_max) of a fused activation in a type.

    Source: CalculateActivationRangeQuantized of TensorFlow Lite; divisions are in float32.
    """
    return clamp_range(*ACTIVATIONS[activation], quantization, dtype)


def clamp_range(
    low: float | None, high: float | None, quantization: Quantization, dtype: str = "int8"
) -> tuple[int, int]:
    """Return the smallest and the largest value of a type that stand for real ones from `low` to `high`."""
    lowest, highest = limits(dtype)
    if low is not None:
        lowest = max(lowest, _quantized(low, quantization))
    if high is not None:
        highest = min(highest, _quantized(high, quantization))
    return lowest, highest


def _quantized(real: float, quantization: Quantization) -> int:
    with np.errstate(over="ignore"):
        ratio = float(np.float32(real) / np.float32(quantization.scale))
    # Bounded, as a scale near 0 makes it infinite, and it is compared with values of at most 16 bits.
    return quantization.zero_point + round_half_away(max(-INT32_MAX, min(INT32_MAX, ratio)))


def quantize(real: NDArray[np.float32], quantization: Quantization, dtype: str = "int8") -> NDArray[Any]:
    """Return float32 values as int8 or int16, halves away from zero, saturated: the QUANTIZE op."""
    ratio = np.asarray(real, np.float32) / np.float32(quantization.scale)
    rounded = np.where(np.isnan(ratio), -np.inf, round_all(ratio.astype(np.float64)))
    return np.clip(rounded + quantization.zero_point, *limits(dtype)).astype(dtype)


def byte_table(
    normalization: Normalization, scale: float = 0.0, zero_point: int = 0, dtype: str = "float32"
) -> NDArray[Any]:
    """Return what an input takes for each byte of a picture: (256, 1), or (256, channels).

    Where it is quantized, halves are rounded up, in double precision: whatever feeds pictures does so.

    Args:
        normalization: What a byte means.
        scale: Of the input; 0 where it isn't quantized.
        zero_point: Of the input.
        dtype: Of the input.
    """
    real = (np.arange(256)[:, np.newaxis] - np.array(normalization.mean)) / np.array(normalization.deviation)
    if not scale:
        return np.asarray(real.astype(dtype))
    steps = np.floor(real / scale + 0.5) + zero_point
    return np.asarray(np.clip(steps, *limits(dtype)).astype(dtype))


def dequantize(values: NDArray[np.generic], quantization: Quantization) -> NDArray[np.float32]:
    """Return int8 or int16 values as float32: the DEQUANTIZE op."""
    centred = values.astype(np.int32) - quantization.zero_point
    return (np.float64(np.float32(quantization.scale)) * centred).astype(np.float32)


def input_radius(integer_bits: int, left_shift: int) -> int:
    """Return the largest |q - zero_point| that fits a fixed-point format: CalculateInputRadius."""
    return math.floor(((1 << integer_bits) - 1) * (1 << (31 - integer_bits)) / (1 << left_shift))


def exp_on_negative_values(value: Int64s, integer_bits: int) -> Int64s:
    """Return exp(value) as 0.31 fixed point, for value <= 0 with `integer_bits` integer bits (gemmlowp)."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    offset = (value & (quarter - 1)) - quarter
    result = _exp_near_zero(multiply_by_power_of_two(offset, integer_bits))
    remainder = offset - value
    factors = (
        1672461947,
        1302514674,
        790015084,
        290630308,
        39332535,
        720401,
        242,
    )  # exp(-2**e), e = -2, -1, ...
    for exponent, factor in zip(range(-2, integer_bits), factors, strict=False):
        taken = remainder & (1 << (fraction_bits + exponent))
        result = np.where(taken != 0, doubling_high_mul(result, factor), result)
    return np.where(value == 0, INT32_MAX, result)


def _exp_near_zero(a: Int64s) -> Int64s:
    """Return exp(a) for a in [-1/4, 0), all 0.31 fixed point: a Taylor series around -1/8."""
    exp_of_minus_eighth, third = 1895147668, 715827883
    x = a + (1 << 28)
    x2 = doubling_high_mul(x, x)
    x3 = doubling_high_mul(x2, x)
    x4_over_4 = divide_by_power_of_two(doubling_high_mul(x2, x2), 2)
    rest = divide_by_power_of_two(doubling_high_mul(x4_over_4 + x3, third) + x2, 1)
    return exp_of_minus_eighth + doubling_high_mul(x + rest, exp_of_minus_eighth)


def inverse_sqrt(value: Int64s) -> tuple[Int64s, Int64s]:
    """Return (multiplier, shift) with 1 / sqrt(value) = multiplier * 2**(shift - 31), by five Newton steps.

    Of less than 1 it is that of 1. Source: GetInvSqrtQuantizedMultiplierExp of TensorFlow Lite, whose numbers
    have 28 bits below the point.
    """
    within, right = np.maximum(value, 2), np.full(np.shape(value), 11, np.int64)
    while (large := within >= 1 << 29).any():
        within, right = np.where(large, within // 4, within), right + large
    while (small := within < 1 << 27).any():
        within, right = np.where(small, within * 4, within), right - small
    half, x = divide_by_power_of_two(within >> 1, 1), np.full(np.shape(value), 1 << 28, np.int64)
    for _ in range(5):
        cube = multiply_by_power_of_two(doubling_high_mul(doubling_high_mul(x, x), x), 6)
        x = doubling_high_mul(x, (1 << 28) + (1 << 27)) - doubling_high_mul(half, cube)
        x = multiply_by_power_of_two(x, 3)
    x = doubling_high_mul(x, 1518500250) << np.maximum(-right, 0)  # times sqrt(1/2)
    too_small = value <= 1
    return np.where(too_small, INT32_MAX, x), np.where(too_small, 0, -np.maximum(right, 0))


def log_of_sum(value: Int64s) -> Int64s:
    """Return the logarithm, 5.26 fixed point, of numbers of 1 or more that are 12.19.

    Source: log_x_for_x_greater_than_or_equal_to_1 of TensorFlow Lite, whose constants these are: a Padé
    approximation, around the power of two or the one between two that is nearer.
    """
    half_root, quarter_root, quarter = 1518500250, 1805811301, 1 << 23
    zeros = np.frompyfunc(lambda number: 32 - int(number).bit_length(), 1, 1)
    first, second = zeros(value).astype(np.int64), zeros(doubling_high_mul(value, half_root)).astype(np.int64)
    second = second - 1
    a = np.minimum(doubling_high_mul(value << (first - 1), half_root) * 2, INT32_MAX)
    b = np.minimum(value << second, INT32_MAX)
    power = np.maximum(((12 - first) << 25) + quarter, ((12 - second) << 25) - quarter)
    r = np.minimum(a, b)
    p, q = (r + quarter_root + 1) // 2, (r - quarter_root) * 2
    square = doubling_high_mul(q, q)
    above = doubling_high_mul(q, r) + doubling_high_mul(doubling_high_mul(q, square), 117049297)
    inner = 1057819769 + q + doubling_high_mul(square, 127690142)
    below = one_over_one_plus(doubling_high_mul(p, inner) + doubling_high_mul(q, 638450708))
    rest = doubling_high_mul(divide_by_power_of_two(above, 6), below)
    return multiply_by_power_of_two(doubling_high_mul(power, 1488522236) + rest, 1)


def one_over_one_plus(a: Int64s) -> Int64s:
    """Return 1 / (1 + a) for a in [0, 1], all 0.31 fixed point: three Newton steps (gemmlowp)."""
    half_denominator = (a + INT32_MAX + 1) >> 1
    x = 1515870810 + doubling_high_mul(half_denominator, -1010580540)  # 48/17 - 32/17 d, 2.29
    for _ in range(3):
        error = (1 << 29) - doubling_high_mul(half_denominator, x)
        x = x + multiply_by_power_of_two(doubling_high_mul(x, error), 2)
    return multiply_by_power_of_two(x, 1)
