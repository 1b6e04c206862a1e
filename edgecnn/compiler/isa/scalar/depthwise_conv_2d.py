# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D without SIMD: four neighbouring outputs at once, and one channel as a CONV_2D.

In rows of one or two, and where several outputs share a channel, it is four channels of one output.
"""

from dataclasses import replace

import numpy as np

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import short_scale, taps
from edgecnn.compiler.isa.scalar import conv_2d, packing
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

_ANY = DEPTHWISE_CONV_2D.but(
    taps.PADDING,
    short_scale.GENERAL_SCALE,
    Line.trained("const int8_t *filter", "for four channels after the other: tap after tap"),
    short_scale.BIASES_AND_MULTIPLIERS,
    name="depthwise_conv_2d_any",
    isa="scalar",
    without="bias multiplier",
    sums=short_scale.IN_PAIRS,
)

_FEW = 32  # channels below which a whole tile is made, as in the kernel
_MOST_ROWS = 7  # of a filter: the kernel points to each
_LEAST = 3  # neighbouring outputs


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return the faster way."""
    linear = Linear.of(graph, step.operator)
    width = graph.output(step.operator).shape[2]
    if step.params["in_c"] == 1:
        weights = linear.weights.transpose(3, 1, 2, 0)
        return conv_2d.ways(as_conv_2d(step, width), linear, weights)
    tall = int(step.params["filter_h"]) > _MOST_ROWS
    if tall or width < _LEAST or step.params["depth_multiplier"] != 1:
        return (_by_taps(step, linear, taps.padding(graph, step)),)
    return (_by_rows(step, linear, width),)


def _by_taps(step: Step, linear: Linear, padding: int) -> Step:
    """Return the way for any window."""
    matrix = linear.weights[0].reshape(-1, linear.weights.shape[3])
    params = _ANY.take(
        step.params,
        padding=padding,
        general_scale=int(short_scale.needs_general_scale(linear)),
        filter=packing.pack_fours(matrix.T[np.newaxis]),
        scale=short_scale.pairs(linear),
    )
    working = taps.noted_bytes(len(matrix), padding)
    return replace(step, kernel=_ANY, params=params, working=working, arguments=("columns", "working"))


def _by_rows(step: Step, linear: Linear, width: int) -> Step:
    """Return the way for neighbouring outputs."""
    width = columns_at_once(width)
    params = _KERNEL.take(
        step.params,
        outputs=3 if -(-width // 3) * 3 < -(-width // 4) * 4 else 4,
        general_scale=int(short_scale.needs_general_scale(linear)),
        filter=np.ascontiguousarray(linear.weights[0].transpose(2, 0, 1)),
        scale=short_scale.pairs(linear),
    )
    working = -(-_tile(params) // 4) * 4
    return replace(step, kernel=_KERNEL, params=params, working=working, arguments=("columns", "working"))


def _tile(params: Params) -> int:
    """Return the bytes of windows with padding: their rows interleave where there are channels enough."""
    names = ("in_c", "outputs", "filter_h", "filter_w", "stride_w", "dilation_w")
    channels, outputs, height, width, stride, dilation = (int(params[name]) for name in names)
    columns = (outputs - 1) * stride + (width - 1) * dilation + 1
    return columns * channels * (height if channels < _FEW else 1)
