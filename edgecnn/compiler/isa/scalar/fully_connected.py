# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED without SIMD: each value of the input is loaded once for four outputs."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import short_scale
from edgecnn.compiler.isa.scalar import packing
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.steps import Step


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return the faster way."""
    linear = Linear.of(graph, step.operator, channel_axis=0)
    outputs, row = len(linear.weights), int(step.params["row"])
    rows = linear.weights.reshape(outputs, -1, row).transpose(1, 0, 2)
    params = {name: value for name, value in step.params.items() if name != "in"}
    params |= {
        "general_scale": int(short_scale.needs_general_scale(linear)),
        "filter": packing.pack_fours(rows),
    }
    return (replace(step, isa="scalar", params=params, scratch=4 * outputs),)
