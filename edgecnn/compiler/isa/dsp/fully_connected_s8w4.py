# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED for the DSP instructions over weights of four bits."""

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.dsp import fully_connected
from edgecnn.compiler.ops import _linear_kernels
from edgecnn.compiler.steps import Step

_KERNEL = _linear_kernels.over_int4(
    fully_connected.KERNEL, "in the same order, a word for four taps of a pair, see s8w4.h"
)


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return the faster way."""
    return fully_connected.ways(graph, step, _KERNEL)
