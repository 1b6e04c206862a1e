# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED for MVE: four outputs share each vector of the input."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.mve import packing
from edgecnn.compiler.kernel import Kernel
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.fully_connected import FULLY_CONNECTED
from edgecnn.compiler.steps import Step

KERNEL = FULLY_CONNECTED.but(packing.ROUNDING, isa="mve")


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`."""
    return (way(graph, step, KERNEL),)


def way(graph: Graph, step: Step, kernel: Kernel) -> Step:
    """Return the way that a kernel has, over weights of its type."""
    linear = Linear.of(graph, step.operator)
    stored = packing.packed(linear.weights) if kernel.narrow else linear.weights
    params = kernel.take(step.params, rounding=packing.rounding(linear), filter=stored)
    return replace(step, kernel=kernel, params=params, scratch=4 * len(linear.weights))
