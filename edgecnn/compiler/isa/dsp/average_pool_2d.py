# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D for the DSP instructions: four channels in a word, sums of 16 bits."""

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.ops import _pooling
from edgecnn.compiler.steps import Step

_KERNEL = _pooling.AVERAGE_POOL_2D.but(isa="dsp", like="scalar", without="offset")

_MOST = 255  # bytes whose sum 16 bits hold


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none for odd channels or very large windows."""
    window = int(step.params["filter_h"]) * int(step.params["filter_w"])
    if int(step.params["channels"]) % 4 or window > _MOST:
        return ()
    return _pooling.with_kernel(step, _KERNEL)
