# SPDX-License-Identifier: Apache-2.0
"""Cuts off rows and columns that nothing reads, as what a VALID pool leaves over, back to the input."""

from dataclasses import replace

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph


def narrow(graph: Graph) -> Graph:
    """Return `graph` over tensors that end where their last reader's last window ends.

    The inputs are cut too: the reader of the generated C skips what is beyond.
    """
    needed = {i: (graph.tensors[i].shape[1], graph.tensors[i].shape[2]) for i in graph.outputs}
    tensors = list(graph.tensors)
    for operator in reversed(graph.operators):
        output = operator.outputs[0]
        whole = ops.makes_whole(operator)
        height, width = graph.tensors[output].shape[1:3] if whole else needed.get(output, (1, 1))
        read = ops.require(graph, operator).needs(graph, operator, height, width)
        tensors[output] = replace(tensors[output], shape=(1, height, width, tensors[output].shape[3]))
        for i in operator.inputs:
            if i >= 0 and graph.tensors[i].data is None:
                before = needed.get(i, (0, 0))
                # One row or column may serve all, where an input is broadcast.
                _, rows, columns, _ = graph.tensors[i].shape
                needed[i] = max(before[0], min(read[0], rows)), max(before[1], min(read[1], columns))
    for i in graph.inputs:
        height, width = needed.get(i, (1, 1))
        tensors[i] = replace(tensors[i], shape=(1, height, width, tensors[i].shape[3]))
    return replace(graph, tensors=tuple(tensors))
