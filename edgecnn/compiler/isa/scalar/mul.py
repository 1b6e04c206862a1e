# SPDX-License-Identifier: Apache-2.0
"""MUL for the DSP instructions: its scaling is that of `kernel_scale`."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import short_scale
from edgecnn.compiler.kernel import Line
from edgecnn.compiler.ops.mul import MUL
from edgecnn.compiler.steps import Step

_KERNEL = MUL.but(Line.trained("int16_t shift", "less than 0", (-short_scale.MOST_RIGHT, -1)), isa="scalar")


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none where the scale is large, or may become so."""
    right = -int(step.params["shift"])
    if graph.weights_apart or not 1 <= right <= short_scale.MOST_RIGHT:
        return ()
    return (replace(step, kernel=_KERNEL),)
