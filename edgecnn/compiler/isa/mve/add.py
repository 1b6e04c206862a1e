# SPDX-License-Identifier: Apache-2.0
"""ADD for MVE, four values at once: one of the inputs is scaled by a half, which is a shift."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.mve import packing
from edgecnn.compiler.kernel import FLAG, Line
from edgecnn.compiler.ops import _broadcast
from edgecnn.compiler.ops._addition import ADD
from edgecnn.compiler.steps import Step

_HALF = (1 << 30, 0)  # multiplier and shift of the larger scale
_INPUTS = ("first", "second")
_FACTOR = 1 << 19  # a half, with 20 bits below the point
_KERNEL = ADD.but(
    Line.shape("int32_t size"),
    Line.trained(
        "int32_t first_factor",
        "a half, exactly, and a sign, with 20 bits below the point",
        limits=(-_FACTOR, _FACTOR),
    ),
    Line.trained("int16_t first, second", "which row: the first has the larger scale", FLAG),
    Line.trained("int16_t second_sign", limits=(-1, 1)),
    Line.trained("int16_t output_shift", "less than 0", (-31, -1)),
    packing.ROUNDING,
    isa="mve",
    without="columns first_column second_column first_value second_value"
    " first_multiplier first_shift first_sign",
)


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none where it broadcasts or a scale is extreme."""
    extreme = int(step.params["output_shift"]) >= 0
    if (extreme and not graph.weights_apart) or not _broadcast.reads_whole_rows(step):
        return ()
    given = step.params
    halves = [(given[f"{name}_multiplier"], given[f"{name}_shift"]) == _HALF for name in _INPUTS]
    if not any(halves):
        return ()
    first = halves.index(True)
    one, other = _INPUTS[first], _INPUTS[1 - first]
    params = _KERNEL.take(
        given,
        first=first,
        second=1 - first,
        first_factor=int(given[f"{one}_sign"]) * _FACTOR,
        second_sign=given[f"{other}_sign"],
        first_offset=given[f"{one}_offset"],
        second_offset=given[f"{other}_offset"],
        second_multiplier=given[f"{other}_multiplier"],
        second_shift=given[f"{other}_shift"],
        rounding=int(int(given["activation_min"]) < int(given["output_zero_point"])),
    )
    return (replace(step, kernel=_KERNEL, params=params),)
