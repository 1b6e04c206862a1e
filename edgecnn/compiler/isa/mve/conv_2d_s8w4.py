# SPDX-License-Identifier: Apache-2.0
"""CONV_2D for MVE over weights of four bits."""

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.mve import conv_2d
from edgecnn.compiler.ops import _linear_kernels
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.steps import Step

_KERNEL = _linear_kernels.over_int4(
    conv_2d.KERNEL, "OHWI, of two channels in a byte; with zeros behind as those of int8"
)


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return the ways with as many columns at once as pay, and fewer where they take much memory."""
    linear = Linear.of(graph, step.operator)
    return conv_2d.ways(graph, step, linear, linear.weights, _KERNEL)
