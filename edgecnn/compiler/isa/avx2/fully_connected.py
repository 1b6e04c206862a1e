# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED for AVX2 and AVX-512: 16 outputs at once."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.avx2 import packing
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.steps import Step


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`."""
    linear = Linear.of(graph, step.operator, channel_axis=0)
    outputs, row = len(linear.weights), int(step.params["row"])
    groups, parts = -(-row // packing.TAPS), int(step.params["parts"])
    dropped = "in", "per_channel", "bias", "multiplier", "shift"
    params = {name: value for name, value in step.params.items() if name not in dropped} | {
        "groups": groups,
        "filter": packing.pack_filter(linear.weights.reshape(outputs, -1, row)),
        **packing.scaling(linear),
    }
    return (
        replace(
            step,
            isa="avx2",
            params=params,
            scratch=0 if parts == 1 else 4 * -(-outputs // packing.LANES) * packing.LANES,
            working=packing.WIDE * int(step.params["rows"]) * packing.TAPS * groups,
            arguments=("part", "sums", "working"),
        ),
    )
