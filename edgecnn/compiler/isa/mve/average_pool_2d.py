# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D for MVE: sums of all channels, then a multiplication in place of the division."""

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.ops import _pooling
from edgecnn.compiler.steps import Step

_KERNEL = _pooling.AVERAGE_POOL_2D.but(isa="mve", without="offset")

_MOST = 4087  # values for which the multiplication is exact


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none for very large windows."""
    values = int(step.params["filter_h"]) * int(step.params["filter_w"]) * step.group
    if values > _MOST:
        return ()
    scratch = step.scratch or 4 * int(step.params["channels"])
    return _pooling.with_kernel(step, _KERNEL, scratch)
