# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D for WebAssembly's vectors: eight channels at once."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.ops.depthwise_conv_2d import DEPTHWISE_CONV_2D
from edgecnn.compiler.steps import Step

_KERNEL = DEPTHWISE_CONV_2D.but(isa="simd128", without="depth_multiplier")


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return one way, or none for fewer than eight channels or several filters for each."""
    if int(step.params["in_c"]) < 8 or step.params["depth_multiplier"] != 1:
        return ()
    return (replace(step, kernel=_KERNEL, params=_KERNEL.take(step.params)),)
