# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D over weights of four bits: of one channel, as the CONV_2D that it is."""

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.dsp import conv_2d
from edgecnn.compiler.isa.dsp.conv_2d_s8w4 import KERNEL
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.depthwise_conv_2d import as_conv_2d
from edgecnn.compiler.steps import Step


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return ways faster than the portable `step`, or none for several channels."""
    if step.params["in_c"] != 1:
        return ()
    linear = Linear.of(graph, step.operator)
    as_convolution = as_conv_2d(step, graph.output(step.operator).shape[2])
    return conv_2d.ways(as_convolution, linear, linear.weights[0].transpose(2, 0, 1), KERNEL)
