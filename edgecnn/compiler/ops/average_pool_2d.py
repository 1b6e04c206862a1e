# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D: the mean over what lies inside the input; padding is left out of the count."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
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
    """Compute the output as TFLite's reference kernel does: halves go away from what is 0 in the file."""
    source = inputs[0][0].astype(np.int64)
    _, rows, columns, channels = graph.output(operator).shape
    total = np.zeros((rows, columns, channels), np.int64)
    count = np.zeros((rows, columns, 1), np.int64)
    vertical, horizontal = _pooling.axes(graph, operator)
    across = geometry.taps(horizontal, columns, source.shape[1])
    for _, out_y, in_y in geometry.taps(vertical, rows, source.shape[0]):
        for _, out_x, in_x in across:
            total[out_y, out_x] += source[in_y, in_x]
            count[out_y, out_x] += 1
    total += _offset(operator) * count
    mean: NDArray[Any] = np.sign(total) * ((np.abs(total) + count // 2) // count) - _offset(operator)
    return np.clip(mean, *geometry.clamp_range(graph, operator)).astype(inputs[0].dtype)[np.newaxis]


def _offset(operator: Operator) -> int:
    """Return what is to be added to a value to have the file's."""
    return 128 if isinstance(operator.options, geometry.Windowed) and operator.options.unsigned else 0


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return a step that reads its window at once; where windows don't overlap also one that keeps sums."""
    vertical, _ = _pooling.axes(graph, operator)
    _, out_h, out_w, channels = graph.output(operator).shape
    in_h = graph.input(operator, 0).shape[1]
    kernel = serving(graph.output(operator).dtype, _pooling.AVERAGE_POOL_2D, _pooling.AVERAGE_POOL_2D_S16)
    params = {**_pooling.params(graph, operator), "offset": _offset(operator)}

    def step(rows_at_once: int) -> Step:
        group = vertical.size // rows_at_once
        return Step(
            operator,
            kernel,
            operator.inputs[:1],
            operator.outputs[0],
            (Window(rows_at_once, vertical.stride, -vertical.pad, 1),),
            out_h * group,
            kernel.take({**params, "filter_h": rows_at_once, "parts": group}),
            group=group,
            scratch=0 if group == 1 else 4 * out_w * channels,
            arguments=("part", "sums"),
        )

    # The sums of a group count on every row of the window being inside the input.
    inside = vertical.pad == 0 and vertical.start(out_h - 1) + vertical.size <= in_h
    separate = vertical.size > 1 and vertical.stride >= vertical.size and inside
    return (step(vertical.size), step(1)) if separate else (step(vertical.size),)
