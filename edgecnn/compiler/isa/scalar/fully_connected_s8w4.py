# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED without SIMD over weights of four bits."""

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.scalar import fully_connected
from edgecnn.compiler.ops import _linear_kernels
from edgecnn.compiler.steps import Step

_KERNEL = _linear_kernels.over_int4(fully_connected.KERNEL)


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return the faster way."""
    return (fully_connected.way(graph, step, _KERNEL),)
