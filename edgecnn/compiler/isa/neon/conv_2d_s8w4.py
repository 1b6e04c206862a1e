# SPDX-License-Identifier: Apache-2.0
"""CONV_2D for NEON over weights of four bits."""

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.neon import conv_2d
from edgecnn.compiler.ops import _linear_kernels
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.steps import Step

_KERNEL = _linear_kernels.over_int4(
    conv_2d.KERNEL, "for four channels after the other, as kernel_dot_4x2_s8w4 takes them"
)


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return one way, or none where two products may not fit 16 bits."""
    linear = Linear.of(graph, step.operator)
    return conv_2d.ways(step, linear, linear.weights.reshape(len(linear.weights), -1), _KERNEL)
