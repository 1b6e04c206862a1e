# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED for MVE: four outputs share each vector of the input."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.mve import packing
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.fully_connected import FULLY_CONNECTED
from edgecnn.compiler.steps import Step

_KERNEL = FULLY_CONNECTED.but(packing.ROUNDING, isa="mve")


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`."""
    linear = Linear.of(graph, step.operator)
    params = _KERNEL.take(step.params, rounding=packing.rounding(linear))
    return (replace(step, kernel=_KERNEL, params=params, scratch=4 * len(linear.weights)),)
