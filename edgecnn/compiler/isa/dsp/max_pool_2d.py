# SPDX-License-Identifier: Apache-2.0
"""MAX_POOL_2D for the DSP instructions: four channels in a word."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.ops._pooling import MAX_POOL_2D
from edgecnn.compiler.steps import Step

_KERNEL = MAX_POOL_2D.but(isa="dsp")


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none where channels don't fill a word."""
    return (replace(step, kernel=_KERNEL),) if int(step.params["channels"]) >= 4 else ()
