# SPDX-License-Identifier: Apache-2.0
"""ADD for the DSP instructions: SMMULR does most of a scaling."""

from dataclasses import replace

from edgecnn.compiler import dsp
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.steps import Step


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none where a scale is out of proportion."""
    right = [-int(step.params[f"{name}_shift"]) for name in ("first", "second", "output")]
    if min(right) < 0 or max(right) > dsp.MOST_RIGHT or right[2] == 0:
        return ()
    return (replace(step, kernel="add.dsp"),)
