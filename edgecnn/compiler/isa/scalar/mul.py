# SPDX-License-Identifier: Apache-2.0
"""MUL for the DSP instructions: its scaling is that of `kernel_scale`."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import short_scale
from edgecnn.compiler.steps import Step


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none where the scale is extreme."""
    right = -int(step.params["shift"])
    return (replace(step, isa="scalar"),) if 1 <= right <= short_scale.MOST_RIGHT else ()
