# SPDX-License-Identifier: Apache-2.0
"""CONV_2D without SIMD over weights of four bits."""

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.scalar import conv_2d
from edgecnn.compiler.ops import _linear_kernels
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.steps import Step

KERNEL = _linear_kernels.over_int4(conv_2d.KERNEL)


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return the ways to take the filter at once and, where that needs less memory, row by row."""
    linear = Linear.of(graph, step.operator)
    return conv_2d.ways(step, linear, linear.weights, KERNEL)
