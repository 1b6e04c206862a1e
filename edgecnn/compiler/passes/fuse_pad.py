# SPDX-License-Identifier: Apache-2.0
"""Makes a PAD before a convolution that convolution's own padding: both stand for the zero point.

A max pool leaves its padding out, which is what the lowest number does, too.
"""

from dataclasses import replace

from edgecnn.compiler import geometry, ops, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import max_pool_2d, pad, padv2


def fuse_pad(graph: Graph) -> Graph:
    """Return `graph` with each convolution or max pool that reads padded rows reading what is padded.

    A PAD stays where something else reads it too.
    """
    operators = tuple(_without_pad(graph, operator) for operator in graph.operators)
    read = {i for operator in operators for i in operator.inputs}.union(graph.outputs)
    kept = (op for op in operators if not ops.is_a(op, pad, padv2) or op.outputs[0] in read)
    return replace(graph, operators=tuple(kept))


def _without_pad(graph: Graph, operator: Operator) -> Operator:
    before = graph.producer(operator.inputs[0])
    axes, told = ops.axes(graph, operator), operator.options
    pools = ops.is_a(operator, max_pool_2d) and not ops.reads_padding(graph, operator)
    if axes is None or not isinstance(told, geometry.Windowed) or before is None:
        return operator
    if not ops.is_a(before, pad, padv2) or not (pools or isinstance(told, geometry.Dilated)):
        return operator
    output = graph.output(before)
    wanted = quant.limits(output.dtype)[0] if pools else geometry.quantization_of(output).zero_point
    if (
        pools or ops.is_a(before, padv2)
    ) and graph.weights_apart:  # its constant is no zero point in every training
        return operator
    if pad.value(graph, before) != wanted or graph.input(before, 0).shape[3] != output.shape[3]:
        return operator
    vertical, horizontal = axes
    # Kernels expect that every window touches the input.
    rows, columns = geometry.constant(graph, before, 1)[1:3].max(axis=1)
    if rows >= vertical.extent or columns >= horizontal.extent:
        return operator
    top, left, _ = pad.before(graph, before)
    options = replace(told, pads=(vertical.pad + top, horizontal.pad + left))
    return replace(operator, inputs=(before.inputs[0], *operator.inputs[1:]), options=options)
