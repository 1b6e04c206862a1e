# SPDX-License-Identifier: Apache-2.0
"""Scaling sums to int8 by one multiplication in float32, where that is proved to equal `quant.requantize`.

Requantization is monotone in the sum, and so is round(sum * scale + offset) in float32. Two monotone
functions with values between the same limits are equal if they step to each value at the same sum. So 255
thresholds for each channel decide, few enough to look for a scale and an offset with which all of them
hold. 24 bits don't always suffice for that: a few thresholds may be missed by one sum, whose output is
then corrected.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import quant
from edgecnn.compiler.ops._linear import Linear

_SMALLEST = 2.0**-20  # scale, with which the reckoning in float64 below is exact
_GRAIN = 2.0**-40  # that of offsets
_TURN = 2.0**-14  # how far the scale may be from the real one, in proportion
_CUTS = 32  # of that range, by a third each
_MOVES = 24  # of the sums that are tried
_NUDGES = (0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5)  # of the offset of a sum, in steps of 2^-18
_MOST_CORRECTIONS = 2  # of a channel: so few that multiplying in integers is slower
_ULPS = (0, 1, -1, 2, -2)  # and for each of them, what is added to the scale

_MANY = 1 << 20

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FloatScale:
    """A way to scale sums: round(fma(float32(sum + move), scale, offset)), halves to even, then clamped.

    The result is the output where `signed` is not set. Where it is, negative sums take -offset, and the
    output's zero point is still to be added. Values are one for each channel: `move` int64, others float32.
    To the outputs of the moved sums `corrected` int64[corrections, channels] `correction` is added.
    """

    move: quant.Int64s
    scale: NDArray[np.float32]
    offset: NDArray[np.float32]
    signed: bool
    corrected: quant.Int64s
    correction: quant.Int64s


def find_float_scale(linear: Linear) -> FloatScale | None:
    """Return a way for all channels, or None where there is none, or none is found.

    Sums must be below 2^30 and shifts negative.
    """
    return _find(
        linear.multiplier.tobytes(),
        linear.shift.tobytes(),
        linear.output_zero_point,
        linear.activation_min,
        linear.activation_max,
    )


@dataclass(frozen=True, eq=False)
class _Steps:
    """The sums int64[channels, values] from which on each of `values` is reached."""

    sums: quant.Int64s
    values: quant.Int64s
    signed: bool

    def of(self, channels: NDArray[np.intp], moved: "int | quant.Int64s") -> "_Steps":
        """Return the steps of some channels, all sums moved."""
        return _Steps(self.sums[channels] + moved, self.values, self.signed)

    def offset_limits(self, scale: Floats) -> tuple[Floats, Floats]:
        """Return between which offsets all steps would be met, were there no rounding: [channels, 1] each."""
        middle = self.values - 0.5
        above, below = middle - self.sums * scale, middle - (self.sums - 1) * scale
        if self.signed:  # of a negative sum the offset is subtracted, which turns the two round
            negative, before = self.sums < 0, self.sums - 1 < 0
            above, below = (
                np.maximum(np.where(negative, -np.inf, above), np.where(before, -below, -np.inf)),
                np.minimum(np.where(before, np.inf, below), np.where(negative, -above, np.inf)),
            )
        return above.max(axis=1, keepdims=True), below.min(axis=1, keepdims=True)

    def misses(self, scale: Floats, offset: Floats) -> quant.Int64s:
        """Return int64[channels, values]: 1 where float32 reaches a value late, -1 where early, else 0.

        A step that is missed by more than one sum counts as many.
        """
        result: quant.Int64s = np.zeros(self.sums.shape, np.int64)
        for beside, sign in ((0, 1), (-1, -1)):
            values = _scaled(self.sums + beside, scale, offset, self.signed)
            wrong = values < self.values if sign > 0 else values >= self.values
            farther = _scaled(self.sums + beside + sign, scale, offset, self.signed)
            worse = farther < self.values if sign > 0 else farther >= self.values
            result += sign * (wrong + _MANY * (wrong & worse))
        return result


@lru_cache(maxsize=256)
def _find(multipliers: bytes, shifts: bytes, zero_point: int, low: int, high: int) -> FloatScale | None:
    multiplier, shift = (np.frombuffer(values, np.int64)[:, None] for values in (multipliers, shifts))
    real = multiplier * 2.0 ** (shift - 31)
    values, signed = np.arange(low + 1, high + 1) - zero_point, low < zero_point
    if not values.size or real.min() < _SMALLEST:
        return None
    # Floats are finest around 0, so sums are moved for outputs to be centred.
    centre = np.zeros_like(multiplier) if signed else np.rint(zero_point / real).astype(np.int64)
    steps = _Steps(
        _thresholds(multiplier, shift, values) + centre, values + (0 if signed else zero_point), signed
    )
    widest, left = _widest(steps, real), np.arange(len(real))
    fewest, found = np.full(len(real), _MANY), np.zeros((3, len(real)))
    for moved, ulps in _tries(signed):
        some, scale = steps.of(left, moved), widest[left] + ulps * np.spacing(widest[left].astype(np.float32))
        offset = np.mean(some.offset_limits(scale), axis=0)
        offset = _float32(np.rint(offset / _GRAIN) * _GRAIN)
        count = np.abs(some.misses(scale, offset)).sum(axis=1)
        good = count < fewest[left]
        found[0, left[good]], found[1:, left[good]] = moved, (scale[good, 0], offset[good, 0])
        fewest[left[good]] = count[good]
        left = left[fewest[left] > 0]
        if not left.size:
            break
    if fewest.max() > _MOST_CORRECTIONS:
        return None
    move, scales, offsets = found[:, :, None]
    steps = steps.of(np.arange(len(real)), move.astype(np.int64))
    misses = steps.misses(scales, offsets)
    sums, added = _corrections(steps.sums, misses, int(fewest.max()))
    return FloatScale(
        centre[:, 0] + found[0].astype(np.int64),
        found[1].astype(np.float32),
        found[2].astype(np.float32),
        signed,
        sums,
        added,
    )


def _corrections(steps: quant.Int64s, misses: quant.Int64s, count: int) -> tuple[quant.Int64s, quant.Int64s]:
    """Return which sums are to be corrected and by what, int64[count, channels]; none is INT32_MIN by 0."""
    sums = np.full((count, len(steps)), quant.INT32_MIN, np.int64)
    added = np.zeros((count, len(steps)), np.int64)
    for channel, row in enumerate(misses):
        for number, value in enumerate(np.flatnonzero(row)):
            # One that is reached too early is reached by the sum before its step.
            sums[number, channel] = steps[channel, value] - (row[value] < 0)
            added[number, channel] = row[value]
    return sums, added


def _tries(signed: bool) -> Iterator[tuple[int, int]]:
    """Yield moves and ulps; the sums of signed ways stay where they are."""
    yield from product((0,), range(-40, 41)) if signed else product(range(_MOVES), _ULPS)


def _thresholds(multiplier: quant.Int64s, shift: quant.Int64s, values: quant.Int64s) -> quant.Int64s:
    """Return for each channel and value the smallest sum that is scaled to it, or to more."""
    guess = np.floor((values - 0.5) * 2.0 ** (31 - shift) / multiplier).astype(np.int64)
    steps = guess + 4
    for nearby in range(3, -4, -1):
        reaches = quant.requantize(guess + nearby, multiplier, shift) >= values
        steps = np.where(reaches, guess + nearby, steps)
    assert (quant.requantize(steps, multiplier, shift) >= values).all(), "a guess is off by two at most"
    assert (quant.requantize(steps - 1, multiplier, shift) < values).all(), "a guess is off by two at most"
    return steps


def _widest(steps: _Steps, real: Floats) -> Floats:
    """Return the scale, a float32, that leaves the offset most room: the room is concave in the scale."""
    low, high = real * (1 - _TURN), real * (1 + _TURN)
    for _ in range(_CUTS):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        (left_low, left_high), (right_low, right_high) = steps.offset_limits(left), steps.offset_limits(right)
        wider = left_high - left_low > right_high - right_low
        low, high = np.where(wider, low, left), np.where(wider, right, high)
    return _float32(low)


Scaling = tuple[int, int]  # multiplier and shift


@lru_cache(maxsize=256)
def find_float_sum(
    first: Scaling, second: Scaling, result: Scaling, offsets: tuple[int, int, int], limits: tuple[int, int]
) -> tuple[np.float32, np.float32, np.float32] | None:
    """Return (f, s, c) with round(fma(a, f, fma(b, s, c))), clamped, being the ADD of any a and b; or None.

    Args:
        first: how the first input is scaled with 20 bits below the point.
        second: the same of the second input.
        result: how their sum is scaled.
        offsets: what is added to the inputs before, and to the output behind.
        limits: the activation's.
    """
    inputs = np.arange(-128, 128)
    terms = [
        quant.requantize((inputs + offset) << 20, *scaling)
        for scaling, offset in ((first, offsets[0]), (second, offsets[1]))
    ]
    wanted = np.clip(quant.requantize(terms[0][:, None] + terms[1], *result) + offsets[2], *limits)
    reals = [2.0**20 * np.ldexp(m, s - 31) * np.ldexp(result[0], result[1] - 31) for m, s in (first, second)]
    if min(reals) < _SMALLEST:
        return None
    middle = offsets[2] + reals[0] * offsets[0] + reals[1] * offsets[1]
    for nudge, one, other in product(_NUDGES, _ULPS, _ULPS):
        factors = [
            _float32(real) + ulps * np.spacing(np.float32(real))
            for real, ulps in zip(reals, (one, other), strict=True)
        ]
        offset = _float32(np.rint((middle + nudge * 2.0**-18) / _GRAIN) * _GRAIN)
        inner = _float32(inputs * factors[1] + offset)
        sums = np.rint(_float32(inputs[:, None] * factors[0] + inner))
        if (np.clip(sums, *limits) == wanted).all():
            return np.float32(factors[0]), np.float32(factors[1]), np.float32(offset)
    return None


def _scaled(sums: quant.Int64s, scale: Floats, offset: Floats, signed: bool) -> Floats:
    """Return what processors make of sums.

    Of numbers with 24 bits each a product has 48. With an offset that is a multiple of 2^-40 and a scale of
    2^-20 or more, its sum with that has 53 at most where it is below 2^13, as around all steps: so float64
    holds it, and rounding it to float32 is all the rounding that a fused multiplication and addition does.
    """
    signs = np.where(sums < 0, -1.0, 1.0) if signed else 1.0
    return np.rint(_float32(_float32(sums) * scale + signs * offset))


def _float32(values: "NDArray[np.generic] | float") -> Floats:
    """Round to float32."""
    return np.asarray(values).astype(np.float32).astype(np.float64)
