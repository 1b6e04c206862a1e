# SPDX-License-Identifier: Apache-2.0
"""MAX_POOL_2D: the maximum over what lies inside the input; padding is ignored."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import serving
from edgecnn.compiler.ops import _channels, _pooling
from edgecnn.compiler.steps import Step, Window

PASSES_CONSTANTS = True  # where its clamp lets it
channels, range_of = _channels.same, _channels.clamped
OPTIONS = _pooling.PoolingOptions
axes, check, needs = _pooling.axes, _pooling.check, _pooling.needs
turned = _pooling.turned


def macs(graph: Graph, operator: Operator) -> int:
    """Return 0: nothing is multiplied."""
    return 0


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    source = inputs[0][0]
    _, rows, columns, channels = graph.output(operator).shape
    result = np.full((rows, columns, channels), quant.limits(source.dtype.name)[0], source.dtype)
    vertical, horizontal = _pooling.axes(graph, operator)
    across = geometry.taps(horizontal, columns, source.shape[1])
    for _, out_y, in_y in geometry.taps(vertical, rows, source.shape[0]):
        for _, out_x, in_x in across:
            result[out_y, out_x] = np.maximum(result[out_y, out_x], source[in_y, in_x])
    return np.clip(result, *geometry.clamp_range(graph, operator)).astype(source.dtype)[np.newaxis]


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return a step that reads its window at once; where windows lie apart also one keeping a maximum."""
    vertical, _ = _pooling.axes(graph, operator)
    out_h = graph.output(operator).shape[1]
    params = _pooling.params(graph, operator)

    def step(rows_at_once: int) -> Step:
        group = vertical.size // rows_at_once
        return Step(
            operator,
            serving(graph.output(operator).dtype, _pooling.MAX_POOL_2D, _pooling.MAX_POOL_2D_S16),
            operator.inputs[:1],
            operator.outputs[0],
            (Window(rows_at_once, vertical.stride, -vertical.pad, 1),),
            out_h * group,
            {**params, "filter_h": rows_at_once},
            group=group,
            arguments=("part",),
        )

    # In the padding above the input a first part would have no row to start from.
    separate = vertical.size > 1 and vertical.stride >= vertical.size and vertical.pad == 0
    return (step(vertical.size), step(1)) if separate else (step(vertical.size),)
