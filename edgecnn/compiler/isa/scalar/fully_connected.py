# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED without SIMD: each value of the input is loaded once for four outputs."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import short_scale
from edgecnn.compiler.isa.scalar import packing
from edgecnn.compiler.kernel import Kernel, Line
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.fully_connected import FULLY_CONNECTED
from edgecnn.compiler.steps import Step

KERNEL = FULLY_CONNECTED.but(
    Line.shape("int32_t row", "bytes of one row of the input"),
    short_scale.GENERAL_SCALE,
    Line.trained(
        "const int8_t *filter", "row after row, in each four outputs after four, as kernel_dot_4x1 takes them"
    ),
    isa="scalar",
    without="in",
    sums=short_scale.APART,
)


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return the faster way."""
    return (way(graph, step, KERNEL),)


def way(graph: Graph, step: Step, kernel: Kernel) -> Step:
    """Return the way that a kernel has, over weights of its type."""
    linear = Linear.of(graph, step.operator)
    outputs, row = len(linear.weights), int(step.params["row"])
    rows = linear.weights.reshape(outputs, -1, row).transpose(1, 0, 2)
    params = kernel.take(
        step.params,
        general_scale=int(short_scale.needs_general_scale(linear)),
        filter=packing.pack_fours(rows, kernel.narrow),
    )
    return replace(step, kernel=kernel, params=params, scratch=4 * outputs)
