# SPDX-License-Identifier: Apache-2.0
"""ADD for MVE, four values at once: one of the inputs is scaled by a half, which is a shift."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.ops import _broadcast
from edgecnn.compiler.steps import Step

_HALF = (1 << 30, 0)  # multiplier and shift of the larger scale
_INPUTS = ("first", "second")
_FACTOR = 1 << 19  # a half, with 20 bits below the point
_LEFT_OUT = ("sign", "multiplier", "shift", "offset")


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none where it broadcasts or a scale is extreme."""
    whole = _broadcast.without_strides(step)
    if whole is None or int(step.params["output_shift"]) >= 0:
        return ()
    given = whole.params
    halves = [(given[f"{name}_multiplier"], given[f"{name}_shift"]) == _HALF for name in _INPUTS]
    if not any(halves):
        return ()
    first = halves.index(True)
    one, other = _INPUTS[first], _INPUTS[1 - first]
    params = {
        name: value
        for name, value in given.items()
        if name not in {f"{which}_{what}" for which in _INPUTS for what in _LEFT_OUT}
    }
    params |= {
        "first": first,
        "second": 1 - first,
        "first_factor": int(given[f"{one}_sign"]) * _FACTOR,
        "second_sign": given[f"{other}_sign"],
        "first_offset": given[f"{one}_offset"],
        "second_offset": given[f"{other}_offset"],
        "second_multiplier": given[f"{other}_multiplier"],
        "second_shift": given[f"{other}_shift"],
        "rounding": int(int(given["activation_min"]) < int(given["output_zero_point"])),
    }
    return (replace(whole, isa="mve", params=params),)
