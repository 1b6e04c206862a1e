# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D for MVE: sums of all channels, then a multiplication in place of the division."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.ops._pooling import AVERAGE_POOL_2D
from edgecnn.compiler.steps import Step

_KERNEL = AVERAGE_POOL_2D.but(isa="mve")

_MOST = 4087  # values for which the multiplication is exact


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none for very large windows."""
    values = int(step.params["filter_h"]) * int(step.params["filter_w"]) * step.group
    if values > _MOST:
        return ()
    scratch = step.scratch or 4 * int(step.params["channels"])
    return (replace(step, kernel=_KERNEL, scratch=scratch),)
