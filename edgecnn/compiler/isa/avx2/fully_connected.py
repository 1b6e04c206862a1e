# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED for AVX2 and AVX-512: 16 outputs at once."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa.avx2 import packing
from edgecnn.compiler.kernel import Line
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.fully_connected import FULLY_CONNECTED
from edgecnn.compiler.steps import Step

_KERNEL = FULLY_CONNECTED.but(
    Line.shape("int32_t row, groups", "bytes of one row of the input, and of four of them the groups"),
    packing.SCALING,
    Line.trained("const int8_t *filter", "for 16 outputs after the other: row after row, group after group"),
    Line.trained("const int32_t *scale", "for 16 outputs after the other: what scales them"),
    isa="avx2",
    without="in per_channel bias multiplier shift",
    sums=None,
)


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`."""
    linear = Linear.of(graph, step.operator)
    outputs, row = len(linear.weights), int(step.params["row"])
    groups, parts = -(-row // packing.TAPS), int(step.params["parts"])
    params = _KERNEL.take(
        step.params,
        groups=groups,
        filter=packing.pack_filter(linear.weights.reshape(outputs, -1, row)),
        **packing.scaling(linear),
    )
    return (
        replace(
            step,
            kernel=_KERNEL,
            params=params,
            scratch=0 if parts == 1 else 4 * -(-outputs // packing.LANES) * packing.LANES,
            working=packing.WIDE * int(step.params["rows"]) * packing.TAPS * groups,
            arguments=("part", "sums", "working"),
        ),
    )
