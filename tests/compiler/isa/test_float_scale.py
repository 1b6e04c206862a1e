# SPDX-License-Identifier: Apache-2.0
"""One multiplication in float32 in place of requantization: the same outputs, and only where it is proved."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_builder import Builder

from edgecnn.compiler import isa, quant, reference
from edgecnn.compiler.isa.avx2.float_scale import FloatScale, find_float_scale
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.reading.tflite import parse

FARTHEST = (1 << 30) - 1  # of sums
FAR = 1 << 13


def linear(
    multipliers: list[int], shifts: list[int], zero_point: int, low: int = -128, high: int = 127
) -> Linear:
    """Return what matters of it here: how sums are scaled."""
    some = np.zeros(len(multipliers), np.int64)
    scaling = np.array(multipliers, np.int64), np.array(shifts, np.int64)
    weights = np.zeros((len(multipliers), 1), np.int8)
    return Linear(weights, 0, some, *scaling, 0, zero_point, low, high, "int8", False, "")


def fused(a: np.float32, b: np.float32, c: np.float32) -> np.float32:
    """Return a * b + c rounded once, to float32."""
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    # The search reckons in float64, which has to hold what is not far outside of the outputs.
    assert abs(exact) >= FAR or Fraction(float(exact)) == exact
    return np.float32(float(exact))


def by_float(found: FloatScale, given: Linear, channel: int, total: int) -> int:
    """Return the output for one sum, as the kernels of ops/avx2.h compute it."""
    moved = total + int(found.move[channel])
    offset, added = found.offset[channel], 0
    if found.signed:
        offset, added = (-offset if moved < 0 else offset), given.output_zero_point
    for sums, corrections in zip(found.corrected, found.correction, strict=True):
        added += int(corrections[channel]) if moved == sums[channel] else 0
    value = int(np.rint(fused(np.float32(moved), found.scale[channel], offset))) + added
    return min(max(value, given.activation_min), given.activation_max)


def steps(given: Linear, channel: int) -> np.ndarray:
    """Return the smallest sum that reaches each output, by bisection."""
    wanted = np.arange(given.activation_min, given.activation_max + 2) - given.output_zero_point
    low, high = np.full(wanted.shape, -FARTHEST), np.full(wanted.shape, FARTHEST)
    for _ in range(31):
        middle = (low + high) // 2
        reached = quant.requantize(middle, given.multiplier[channel], given.shift[channel]) >= wanted
        low, high = np.where(reached, low, middle + 1), np.where(reached, middle, high)
    return high


def check(given: Linear, seed: int) -> FloatScale | None:
    """Check a way that is found, if one is, around all steps, at the extremes and at random sums."""
    found = find_float_scale(given)
    if found is None:
        return None
    rng = np.random.default_rng(seed)
    for channel in range(len(given.multiplier)):
        sums = np.concatenate(
            [
                (steps(given, channel)[:, np.newaxis] + np.arange(-2, 3)).ravel(),
                [-FARTHEST, -1, 0, 1, FARTHEST],
                rng.integers(-FARTHEST, FARTHEST + 1, 100),
                rng.integers(-(1 << 16), 1 << 16, 100),
            ]
        ).clip(-FARTHEST, FARTHEST)
        scaled = quant.requantize(sums, given.multiplier[channel], given.shift[channel])
        wanted = np.clip(scaled + given.output_zero_point, given.activation_min, given.activation_max)
        made = [by_float(found, given, channel, int(total)) for total in sums]
        np.testing.assert_array_equal(made, wanted)
    return found


MULTIPLIERS = st.one_of(st.integers(1 << 30, (1 << 31) - 1), st.sampled_from([1 << 30, (1 << 31) - 1]))


@settings(max_examples=30)
@given(
    scalings=st.lists(st.tuples(MULTIPLIERS, st.integers(-19, -1)), min_size=1, max_size=2),
    zero_point=st.one_of(st.sampled_from([-128, 0, 127]), st.integers(-128, 127)),
    relu=st.booleans(),
)
def test_what_is_found_equals_requantization(
    scalings: list[tuple[int, int]], zero_point: int, relu: bool
) -> None:
    multipliers, shifts = (list(column) for column in zip(*scalings, strict=True))
    check(linear(multipliers, shifts, zero_point, zero_point if relu else -128), seed=zero_point + 128)


@pytest.mark.parametrize(("zero_point", "signed"), [(-128, False), (-3, True), (127, True)])
def test_usual_scales_are_found(zero_point: int, signed: bool) -> None:
    rng = np.random.default_rng(0)
    multipliers, shifts = rng.integers(1 << 30, 1 << 31, 8), rng.integers(-12, -4, 8)
    ways = [
        check(linear([int(multiplier)], [int(shift)], zero_point), seed=0)
        for multiplier, shift in zip(multipliers, shifts, strict=True)
    ]
    assert [way.signed for way in ways if way is not None] == [signed] * len(ways)


def test_none_is_found_outside_of_what_is_proved() -> None:
    half = 1 << 30
    assert find_float_scale(linear([half], [-5], -128)) is not None
    assert find_float_scale(linear([half], [-20], -128)) is None  # 2^-20 is the smallest scale
    assert find_float_scale(linear([half, half], [-5, -20], -128)) is None  # of all channels or none
    assert find_float_scale(linear([half], [-5], 5, 5, 5)) is None  # a single output has no step


@pytest.mark.parametrize("seed", range(8))
def test_sums_of_two_inputs(seed: int) -> None:
    builder = Builder(seed)
    rng = np.random.default_rng(seed)
    shape = (1, 1, 4096, 1)
    first, second = (builder.input(shape, rng.uniform(0.005, 0.05), rng.integers(-128, 128)) for _ in "ab")
    model = builder.build((first, second), (builder.add(first, second, seed % 4),))
    graph = parse(model)
    [way] = isa.lower(graph, graph.operators[0], "avx2")
    assert way.params["by_float"] == 1
    given = [rng.integers(-128, 128, shape, np.int8) for _ in "ab"]
    for one, extremes in zip(given, np.meshgrid([-128, 0, 127], [-128, 0, 127]), strict=True):
        one.flat[:9] = extremes.ravel()
    factors = [np.asarray(way.params[name]).view(np.float32)[0] for name in ("first", "second", "output")]
    sums = [
        fused(np.float32(a), factors[0], fused(np.float32(b), factors[1], factors[2]))
        for a, b in zip(given[0].flat, given[1].flat, strict=True)
    ]
    made = np.clip(np.rint(sums), way.params["activation_min"], way.params["activation_max"])
    np.testing.assert_array_equal(made, reference.run(graph, given)[0].ravel())
