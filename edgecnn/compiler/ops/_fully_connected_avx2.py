# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED for AVX2 and AVX-512: 16 outputs at once."""

from dataclasses import replace

from edgecnn.compiler import avx2
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.linear import Linear
from edgecnn.compiler.steps import Step


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`."""
    linear = Linear.of(graph, step.operator, channel_axis=0)
    outputs, row = len(linear.weights), int(step.params["row"])
    groups, parts = -(-row // avx2.TAPS), int(step.params["parts"])
    dropped = "in", "per_channel", "bias", "multiplier", "shift"
    params = {name: value for name, value in step.params.items() if name not in dropped} | {
        "groups": groups,
        "filter": avx2.pack_filter(linear.weights.reshape(outputs, -1, row)),
        **avx2.scaling(linear),
    }
    return (
        replace(
            step,
            kernel="fully_connected.avx2",
            params=params,
            scratch=0 if parts == 1 else 4 * -(-outputs // avx2.LANES) * avx2.LANES,
            working=avx2.WIDE * int(step.params["rows"]) * avx2.TAPS * groups,
            arguments=("part", "sums", "working"),
        ),
    )
