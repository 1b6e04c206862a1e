# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D for NEON: eight channels at once, and one channel as the CONV_2D that it is."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.neon import conv_2d, packing
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.depthwise_conv_2d import DEPTHWISE_CONV_2D, as_conv_2d
from edgecnn.compiler.steps import Step

_KERNEL = DEPTHWISE_CONV_2D.but(packing.SHIFT, isa="neon", without="depth_multiplier")

_CHANNELS = 8  # at once


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return one way, or none for fewer than eight channels, several filters for each, or weights of -128."""
    linear = Linear.of(graph, step.operator)
    if step.params["in_c"] == 1:
        whole = as_conv_2d(step, graph.output(step.operator).shape[2])
        return conv_2d.ways(whole, linear, linear.weights.reshape(-1, linear.weights.shape[3]).T)
    several = step.params["depth_multiplier"] != 1
    if int(step.params["in_c"]) < _CHANNELS or several or not packing.fits(linear):
        return ()
    return (
        replace(
            step,
            kernel=_KERNEL,
            params=_KERNEL.take(packing.params(step)),
            working=_CHANNELS,
            arguments=("columns", "working"),
        ),
    )
