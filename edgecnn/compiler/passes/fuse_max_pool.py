# SPDX-License-Identifier: Apache-2.0
"""Fuses a max pool into the convolution before it: the maximum of the sums, scaled once per pooled output.

Scaling is monotone, as multipliers are not negative, so the maximum may be taken first: if the pool is the
only reader, if windows lie apart and inside, so that nothing is computed twice, and if no sum, shifted
left, can leave 32 bits. With weights apart from the code that must hold of all: where sums of int8 don't,
the model is refused later, and those that wrap are not fused.
"""

from dataclasses import replace

from edgecnn.compiler import geometry, ops, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _pooling, max_pool_2d
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.conv_2d import Conv2DOptions, Pool


def fuse_max_pool(graph: Graph) -> Graph:
    """Return `graph` with each MAX_POOL_2D that may be merged into its convolution."""
    fused: dict[int, Operator] = {}
    gone: set[int] = set()
    for pool in graph.operators:
        source = graph.producer(pool.inputs[0])
        if ops.is_a(pool, max_pool_2d) and source is not None and _may_fuse(graph, source, pool):
            fused[source.outputs[0]] = _fuse(graph, source, pool)
            gone.add(pool.outputs[0])
    kept = (operator for operator in graph.operators if operator.outputs[0] not in gone)
    return replace(graph, operators=tuple(fused.get(operator.outputs[0], operator) for operator in kept))


def _may_fuse(graph: Graph, source: Operator, pool: Operator) -> bool:
    if (
        not isinstance(source.options, Conv2DOptions)
        or source.outputs[0] in graph.outputs
        or len(graph.consumers(source.outputs[0])) != 1
    ):
        return False
    lengths, counts = graph.input(pool, 0).shape[1:3], graph.output(pool).shape[1:3]
    for axis, length, count in zip(_pooling.axes(graph, pool), lengths, counts, strict=True):
        if axis.pad or axis.stride < axis.size or axis.start(count - 1) + axis.size > length:
            return False
    linear = Linear.of(graph, source)
    if linear.wraps and linear.apart:
        return False
    return bool((linear.reach(linear.bound()) <= quant.INT32_MAX).all())


def _fuse(graph: Graph, source: Operator, pool: Operator) -> Operator:
    vertical, horizontal = _pooling.axes(graph, pool)
    low, high = geometry.clamp_range(graph, source)
    pool_low, pool_high = geometry.clamp_range(graph, pool)
    options = replace(
        geometry.options(graph, source, Conv2DOptions),
        pool=Pool(vertical.size, horizontal.size, vertical.stride, horizontal.stride),
        clamp=(min(max(low, pool_low), pool_high), min(max(high, pool_low), pool_high)),
    )
    return replace(source, outputs=pool.outputs, options=options)
