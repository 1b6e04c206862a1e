# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D for MVE: rows are interleaved, so that a window of a channel is a vector.

Where windows are lines, or rows short and channels many, vectors are of channels instead, tap after tap. One
channel is computed as the CONV_2D that it is.
"""

from dataclasses import replace

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import taps
from edgecnn.compiler.isa.mve import conv_2d, packing
from edgecnn.compiler.kernel import Line
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.depthwise_conv_2d import DEPTHWISE_CONV_2D, as_conv_2d
from edgecnn.compiler.steps import Step

_KERNEL = DEPTHWISE_CONV_2D.but(
    Line.plan("int16_t channels", "at once: 8 or 16"),
    Line.plan("int16_t columns", "of outputs at once"),
    Line.plan(
        "int16_t stretch",
        "columns of interleaved rows that they read, and for the last vector's sake a few more",
    ),
    packing.ROUNDING,
    isa="mve",
    without="depth_multiplier",
)

_ANY = DEPTHWISE_CONV_2D.but(
    taps.PADDING,
    Line.trained("const int8_t *filter", "for 16 channels after the other: tap after tap"),
    packing.ROUNDING,
    name="depthwise_conv_2d_any",
    isa="mve",
    without="depth_multiplier",
)

_FOUR = 4  # rows of a word, columns of a vector, and channels at once
_SHORT, _MANY = 5, 32  # columns and channels with which vectors are of channels
_CHANNELS = 64  # whose sums the kernel for any window keeps at once
_AT_ONCE = ((16, 12), (8, 6))  # channels and columns of outputs: more save little and cost memory


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return ways faster than the portable `step`, or none for few channels or several filters for each."""
    linear = Linear.of(graph, step.operator)
    width = graph.output(step.operator).shape[2]
    if step.params["in_c"] == 1:
        convolution = as_conv_2d(step, width)
        return conv_2d.ways(graph, convolution, linear, linear.weights[0].transpose(2, 0, 1))
    if int(step.params["in_c"]) < _FOUR or step.params["depth_multiplier"] != 1:
        return ()
    if _better_by_taps(step, width):
        return (_by_taps(step, linear, taps.padding(graph, step)),)
    return _by_rows(step, linear, width)


def _better_by_taps(step: Step, width: int) -> bool:
    """Tell whether vectors of channels take fewer instructions than vectors of a channel's window."""
    lines = min(int(step.params["filter_h"]), int(step.params["filter_w"]))
    return lines == 1 or width == 1 or (width <= _SHORT and int(step.params["in_c"]) >= _MANY)


def _by_rows(step: Step, linear: Linear, width: int) -> tuple[Step, ...]:
    """Return the ways over interleaved rows, with more columns at once and with fewer."""
    stride, dilation = int(step.params["stride_w"]), int(step.params["dilation_w"])
    height, filter_w = (-(-int(step.params[name]) // _FOUR) for name in ("filter_h", "filter_w"))

    def way(channels: int, columns: int) -> Step:
        stretch = (columns - 1) * stride + (_FOUR * filter_w - 1) * dilation + 1
        interleaved = height * (_FOUR * filter_w + stretch) * _FOUR * channels
        return replace(
            step,
            kernel=_KERNEL,
            params=_KERNEL.take(
                step.params,
                channels=channels,
                columns=columns,
                stretch=stretch,
                rounding=packing.rounding(linear),
            ),
            # The last column of 8 channels is written as if it were of 16, before there are sums.
            working=2 * packing.VECTOR + interleaved + max(_FOUR * columns, 8) * 4,
            arguments=("columns", "working"),
        )

    few = int(step.params["in_c"]) <= 8
    blocks = ((8 if few else channels, min(width, columns)) for channels, columns in _AT_ONCE)
    return tuple(way(*at_once) for at_once in dict.fromkeys(blocks))


def _by_taps(step: Step, linear: Linear, padding: int) -> Step:
    """Return the way for any window: tap after tap of 16 channels."""
    matrix = linear.weights[0].reshape(-1, linear.weights.shape[3])
    params = _ANY.take(
        step.params,
        padding=padding,
        rounding=packing.rounding(linear),
        filter=packing.pack_taps(matrix),
    )
    count, channels = matrix.shape
    sums = min(-(-channels // packing.VECTOR) * packing.VECTOR, _CHANNELS)
    working = 4 * sums + taps.noted_bytes(count, padding)
    return replace(step, kernel=_ANY, params=params, working=working, arguments=("columns", "working"))
