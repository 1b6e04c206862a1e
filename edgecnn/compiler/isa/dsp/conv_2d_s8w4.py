# SPDX-License-Identifier: Apache-2.0
"""CONV_2D for the DSP instructions over weights of four bits."""

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.dsp import conv_2d
from edgecnn.compiler.ops import _linear_kernels
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.steps import Step

KERNEL = _linear_kernels.over_int4(
    conv_2d.KERNEL, "in the same order, a word for four taps of a pair, see s8w4.h"
)


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return the ways with three columns at once and fewer."""
    linear = Linear.of(graph, step.operator)
    return conv_2d.ways(step, linear, linear.weights, KERNEL)
