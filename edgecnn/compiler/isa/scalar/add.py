# SPDX-License-Identifier: Apache-2.0
"""ADD for the DSP instructions: its scalings are those of `kernel_scale`."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import short_scale
from edgecnn.compiler.ops import _broadcast
from edgecnn.compiler.steps import Step


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none where it broadcasts or a scale is extreme."""
    right = [-int(step.params[f"{name}_shift"]) for name in ("first", "second", "output")]
    if min(right) < 0 or max(right) > short_scale.MOST_RIGHT or right[2] == 0:
        return ()
    whole = _broadcast.without_strides(step)
    return () if whole is None else (replace(whole, isa="scalar"),)
