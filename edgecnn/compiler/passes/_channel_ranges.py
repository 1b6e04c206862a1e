# SPDX-License-Identifier: Apache-2.0
"""Which values each channel of each tensor can take, whatever the input is: interval arithmetic."""

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.ops._channels import everything
from edgecnn.compiler.traits import Range


def channel_ranges(graph: Graph) -> dict[int, Range]:
    """Return the range of every tensor of a graph whose tensors are (1, rows, columns, channels)."""
    ranges = {i: everything(graph.tensors[i]) for i in graph.inputs}
    for operator in graph.operators:
        known = ops.range_of(graph, operator, [ranges[i] for i in operator.inputs if i in ranges])
        ranges[operator.outputs[0]] = known or everything(graph.output(operator))
        ranges |= {i: everything(graph.tensors[i]) for i in operator.outputs[1:]}
    return ranges
