# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED for NEON: 16 products at once."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.neon import packing
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.fully_connected import FULLY_CONNECTED
from edgecnn.compiler.steps import Step

_KERNEL = FULLY_CONNECTED.but(isa="neon", like="c99")


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return one way, or none where two products may not fit 16 bits."""
    if not packing.fits(Linear.of(graph, step.operator)):
        return ()
    return (replace(step, kernel=_KERNEL),)
