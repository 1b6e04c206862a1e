# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED for NEON: 16 products at once."""

from dataclasses import replace

from edgecnn.compiler import neon
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.linear import Linear
from edgecnn.compiler.steps import Step


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return one way, or none where two products may not fit 16 bits."""
    if not neon.fits(Linear.of(graph, step.operator, channel_axis=0).weights):
        return ()
    return (replace(step, kernel="fully_connected.neon"),)
