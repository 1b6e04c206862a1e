# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D without SIMD: four neighbouring outputs at once, and one channel as a CONV_2D."""

from dataclasses import replace

import numpy as np

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import short_scale
from edgecnn.compiler.isa.scalar import conv_2d
from edgecnn.compiler.kernel import Line, Params
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.depthwise_conv_2d import DEPTHWISE_CONV_2D, as_conv_2d
from edgecnn.compiler.steps import Step, columns_at_once

_KERNEL = DEPTHWISE_CONV_2D.but(
    Line.shape("int16_t filter_h", "7 at most"),
    Line.plan("int16_t outputs", "at once: 3 or 4"),
    short_scale.GENERAL_SCALE,
    Line.trained("const int8_t *filter", "CHW: channel after channel"),
    short_scale.BIASES_AND_MULTIPLIERS,
    isa="scalar",
    without="depth_multiplier bias multiplier",
    sums=short_scale.IN_PAIRS,
)

_FEW = 32  # channels below which a whole tile is made, as in the kernel
_MOST_ROWS = 7  # of a filter: the kernel points to each


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a way faster than the portable `step`, or none for several filters a channel and tall ones."""
    linear = Linear.of(graph, step.operator)
    if step.params["in_c"] == 1:
        width = graph.output(step.operator).shape[2]
        weights = linear.weights.transpose(3, 1, 2, 0)
        return conv_2d.ways(as_conv_2d(step, width), linear, weights)
    if step.params["depth_multiplier"] != 1 or int(step.params["filter_h"]) > _MOST_ROWS:
        return ()
    width = columns_at_once(graph.output(step.operator).shape[2])
    params = _KERNEL.take(
        step.params,
        outputs=3 if -(-width // 3) * 3 < -(-width // 4) * 4 else 4,
        general_scale=int(short_scale.needs_general_scale(linear)),
        filter=np.ascontiguousarray(linear.weights[0].transpose(2, 0, 1)),
        scale=short_scale.pairs(linear),
    )
    return (
        replace(
            step,
            kernel=_KERNEL,
            params=params,
            working=-(-_tile(params) // 4) * 4,
            arguments=("columns", "working"),
        ),
    )


def _tile(params: Params) -> int:
    """Return the bytes of windows with padding: their rows interleave where there are channels enough."""
    names = ("in_c", "outputs", "filter_h", "filter_w", "stride_w", "dilation_w")
    channels, outputs, height, width, stride, dilation = (int(params[name]) for name in names)
    columns = (outputs - 1) * stride + (width - 1) * dilation + 1
    return columns * channels * (height if channels < _FEW else 1)
