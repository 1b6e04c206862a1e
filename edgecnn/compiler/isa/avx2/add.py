# SPDX-License-Identifier: Apache-2.0
"""ADD for AVX2 and AVX-512: 16 outputs at once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.avx2 import packing
from edgecnn.compiler.isa.avx2.float_scale import find_float_sum
from edgecnn.compiler.isa.short_scale import MOST_RIGHT
from edgecnn.compiler.kernel import INT8, Kernel, Line, Params
from edgecnn.compiler.ops import _broadcast
from edgecnn.compiler.steps import Step

_HALF = 1 << 30, 0  # multiplier and shift
_TABLES = "first", "second", "output"
_KERNEL = Kernel(
    "add",
    (
        Line.shape("int32_t size"),
        Line.plan(
            "int16_t first_is_half, second_is_half",
            "1: this input's scale is the larger: it is halved, which is exact",
        ),
        Line.plan("int16_t first_kind, second_kind, output_kind", "of scaling, see avx2.h"),
        Line.trained("int16_t output_zero_point, activation_min, activation_max", limits=INT8),
        Line.plan(
            "int16_t by_float",
            "1: the sum of inputs times factors, and an offset, of which the outputs are proved",
        ),
        Line.trained(
            "const int32_t *first, *second, *output",
            "16 biases, 20 bits below the point, multipliers and shifts; or 16 factors, factors and offsets",
        ),
    ),
    isa="avx2",
)
_KINDS = "first_is_half", "second_is_half", "first_kind", "second_kind", "output_kind"


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none where it broadcasts or subtracts."""
    if not _broadcast.reads_whole_rows(step) or -1 in (step.params["first_sign"], step.params["second_sign"]):
        return ()
    own = {name: int(value) for name, value in step.params.items() if isinstance(value, int)}
    scalings = [(own[f"{name}_multiplier"], own[f"{name}_shift"]) for name in _TABLES]
    offsets = own["first_offset"], own["second_offset"], own["output_zero_point"]
    limits = own["activation_min"], own["activation_max"]
    apart = graph.weights_apart  # then only what any two scales can do with
    factors = None if apart else find_float_sum(scalings[0], scalings[1], scalings[2], offsets, limits)
    fields = _in_integers(scalings, offsets, apart) if factors is None else _in_floats(factors)
    params = _KERNEL.take(step.params, by_float=int(factors is not None), **fields)
    return (replace(step, kernel=_KERNEL, params=params),)


def _in_floats(factors: Sequence[np.float32]) -> Params:
    """Return the fields for scaling by floats."""
    bits = np.array(factors, np.float32).view(np.int32)
    tables = {name: np.repeat(value, packing.LANES) for name, value in zip(_TABLES, bits, strict=True)}
    return {**tables, **dict.fromkeys(_KINDS, 0)}


def _in_integers(scalings: list[tuple[int, int]], offsets: tuple[int, int, int], any_scales: bool) -> Params:
    """Return the fields for scaling by integers, as the portable kernel does, or such that suit any."""
    halved = [int(scaling == _HALF and not any_scales) for scaling in scalings]
    biases = [(offsets[0] << 20) >> halved[0], (offsets[1] << 20) >> halved[1], 0]
    # No sum reaches 2^30: two inputs of 9 bits, halved at least, with 20 more below the point.
    simple = [-MOST_RIGHT <= shift <= -1 and not any_scales for _, shift in scalings]
    kinds = [packing.SIMPLE if is_simple else packing.GENERAL for is_simple in simple]
    fields: dict[str, int | NDArray[np.generic]] = dict(zip(_KINDS, (*halved[:2], *kinds), strict=True))
    for name, bias, scaling in zip(_TABLES, biases, scalings, strict=True):
        fields[name] = np.repeat([bias, *scaling], packing.LANES).astype(np.int32)
    return fields
