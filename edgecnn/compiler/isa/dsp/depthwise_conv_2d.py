# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D for the DSP instructions.

3x3 over long rows is computed over pairs of rows, other windows over pairs of taps, and one channel as the
CONV_2D that it is.
"""

from dataclasses import replace

import numpy as np

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.isa import short_scale, taps
from edgecnn.compiler.isa.dsp import conv_2d, packing
from edgecnn.compiler.kernel import Line
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.depthwise_conv_2d import DEPTHWISE_CONV_2D, as_conv_2d
from edgecnn.compiler.steps import Step

_ANY = DEPTHWISE_CONV_2D.but(
    taps.PADDING,
    short_scale.GENERAL_SCALE,
    Line.trained(
        "const int32_t *filter",
        "doubled but where general_scale; of four channels after the other, in pairs of taps",
    ),
    short_scale.BIASES_AND_MULTIPLIERS,
    name="depthwise_conv_2d_any",
    isa="dsp",
    without="bias multiplier",
    sums=short_scale.IN_PAIRS,
)
_KERNEL = DEPTHWISE_CONV_2D.but(
    short_scale.GENERAL_SCALE,
    Line.plan("int16_t columns", "at once: even"),
    Line.trained("const int8_t *filter", "HWC, 3 x 3"),
    isa="dsp",
    without="depth_multiplier filter_h filter_w stride_w dilation_w",
    sums=short_scale.APART,
)

_PAIRED = {"filter_h": 3, "filter_w": 3, "stride_w": 1, "dilation_w": 1, "depth_multiplier": 1}
_COLUMNS = 12  # at once: more save little and cost memory
_FEW = 32  # channels: with as many, and in rows shorter than _COLUMNS, a window's taps are found as fast
_CHANNELS = 64  # whose sums the kernel for any window keeps at once


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a way faster than the portable `step`, or none where fewer than four channels are made."""
    linear = Linear.of(graph, step.operator)
    _, _, width, out_c = graph.output(step.operator).shape
    if step.params["in_c"] == 1:
        return conv_2d.ways(as_conv_2d(step, width), linear, linear.weights[0].transpose(2, 0, 1))
    if out_c < 4:
        return ()
    paired = all(step.params[name] == value for name, value in _PAIRED.items())
    if paired and width >= _COLUMNS and out_c < _FEW:
        return (_by_rows(step, linear),)
    return (_by_taps(step, linear, taps.padding(graph, step)),)


def _by_taps(step: Step, linear: Linear, padding: int) -> Step:
    """Return the way for any window."""
    matrix = linear.weights[0].reshape(-1, linear.weights.shape[3])
    general = short_scale.needs_general_scale(linear)
    params = _ANY.take(
        step.params,
        padding=padding,
        general_scale=int(general),
        filter=packing.pack_taps(matrix.astype(np.int16) * (1 if general else 2)),
        scale=short_scale.pairs(linear),
    )
    count, out_c = matrix.shape
    shared = out_c > int(step.params["in_c"])
    # Where several outputs share a channel, taps are gathered for four of them, in words that are noted, too.
    gathered = 4 * count + taps.noted_bytes(count, 0) if shared else 0
    working = 4 * min(out_c, 4 if shared else _CHANNELS) + gathered + taps.noted_bytes(count, padding)
    return replace(step, kernel=_ANY, params=params, working=working, arguments=("columns", "working"))


def _by_rows(step: Step, linear: Linear) -> Step:
    """Return the way for 3x3, over pairs of rows."""
    words = 20 + _COLUMNS + 8 * (_COLUMNS + 2)  # weights, sums, pairs
    general = int(short_scale.needs_general_scale(linear))
    return replace(
        step,
        kernel=_KERNEL,
        params=_KERNEL.take(step.params, columns=_COLUMNS, general_scale=general),
        working=4 * words,
        arguments=("columns", "working"),
    )
