# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D: each input channel has `depth_multiplier` filters of its own."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.geometry import Axis
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import Kernel, Line, Params, Sums
from edgecnn.compiler.ops import _linear, _linear_kernels, conv_2d
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.conv_2d import CONV_2D
from edgecnn.compiler.steps import Step, Window
from edgecnn.compiler.traits import Channels, Layout
from edgecnn.errors import ModelError

DEPTHWISE_CONV_2D = Kernel(
    "depthwise_conv_2d",
    (
        Line.shape("int16_t in_w, in_c, depth_multiplier"),
        Line.shape("int16_t filter_h, filter_w, stride_w, dilation_h, dilation_w, pad_w"),
        *_linear_kernels.lines("HWC"),
    ),
    sums=Sums(),
)
DEPTHWISE_CONV_2D_S16 = _linear_kernels.over_int16(DEPTHWISE_CONV_2D)
# A channel is read by its own filters alone: where int8 doesn't hold their weights, they can't be split.
DEPTHWISE_CONV_2D_S8W16 = DEPTHWISE_CONV_2D.but(Line.trained("const int16_t *filter", "HWC"), types="s8w16")
DEPTHWISE_CONV_2D_S8W4 = _linear_kernels.over_int4(DEPTHWISE_CONV_2D)

OPTIONS = geometry.Dilated
range_of, turned = _linear.range_of, _linear.turned
column_consumer = conv_2d.column_consumer  # of a step that `as_conv_2d` has made


def layout(operator: Operator) -> Layout:
    """Return where weights and biases are."""
    return Layout(channel_axis=3, wide_bias=True, float32_scales=_linear.is_unsigned(operator))


def channels(graph: Graph, operator: Operator) -> Channels:
    """Say that each output channel has one of the input's."""
    return Channels.GROUPED


def check(graph: Graph, operator: Operator) -> None:
    """Check types, shapes and the fused activation."""
    source, output = graph.input(operator, 0), graph.output(operator)
    geometry.check_types(graph, operator, (source, output), geometry.INT8_OR_INT16)
    geometry.check_activation(graph, operator)
    weights = geometry.constant(graph, operator, 1)
    if (
        weights.ndim != 4
        or weights.shape[0] != 1
        or len(source.shape) != 4
        or weights.shape[3] % source.shape[3]
    ):
        raise ModelError(
            f"{graph.describe(operator)} has filter {weights.shape} on input {source.shape}; "
            "1 x height x width x a multiple of the input's channels needed"
        )
    geometry.check_windows(graph, operator, (weights.shape[1], weights.shape[2]), weights.shape[3])
    _linear.check_scales(graph, operator)


def macs(graph: Graph, operator: Operator) -> int:
    """Return the multiplications of one inference, those with padding included."""
    batch, rows, columns, _ = graph.output(operator).shape
    return batch * rows * columns * graph.input(operator, 1).size


def axes(graph: Graph, operator: Operator) -> tuple[Axis, Axis]:
    """Return the vertical and the horizontal axis of the windows."""
    filter_h, filter_w = graph.input(operator, 1).shape[1:3]
    told, source = geometry.options(graph, operator, geometry.Dilated), graph.input(operator, 0).shape
    return geometry.axes(told, (filter_h, filter_w), source, graph.output(operator).shape)


def column_producer(step: Step) -> bool:
    """Say whether a step can make its output column by column."""
    return step.kernel.name.startswith(DEPTHWISE_CONV_2D.name)


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read."""
    _, in_h, in_w, _ = graph.input(operator, 0).shape
    vertical, horizontal = axes(graph, operator)
    return vertical.needed(height, in_h), horizontal.needed(width, in_w)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    linear = Linear.of(graph, operator)
    _, rows, columns, channels = graph.output(operator).shape
    centred = inputs[0][0].astype(np.int64) - linear.input_zero_point
    repeated = np.repeat(centred, channels // centred.shape[2], axis=2)
    total = np.zeros((rows, columns, channels), np.int64)
    vertical, horizontal = axes(graph, operator)
    across = geometry.taps(horizontal, columns, centred.shape[1])
    for tap_y, out_y, in_y in geometry.taps(vertical, rows, centred.shape[0]):
        for tap_x, out_x, in_x in across:
            total[out_y, out_x] += repeated[in_y, in_x] * linear.weights[0, tap_y, tap_x].astype(np.int64)
    return linear.requantize(total + linear.bias)[np.newaxis]


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    vertical, horizontal = axes(graph, operator)
    _, out_h, _, out_c = graph.output(operator).shape
    _, _, in_w, in_c = graph.input(operator, 0).shape
    linear = Linear.of(graph, operator)
    kernel = linear.kernel(
        DEPTHWISE_CONV_2D, DEPTHWISE_CONV_2D_S16, DEPTHWISE_CONV_2D_S8W4, DEPTHWISE_CONV_2D_S8W16
    )
    params: Params = {
        "in_w": in_w,
        "in_c": in_c,
        "depth_multiplier": out_c // in_c,
        "filter_h": vertical.size,
        "filter_w": horizontal.size,
        "stride_w": horizontal.stride,
        "dilation_h": vertical.dilation,
        "dilation_w": horizontal.dilation,
        "pad_w": horizontal.pad,
        **linear.params(),
        "filter": linear.filter(kernel),
    }
    window = Window(vertical.extent, vertical.stride, -vertical.pad)
    return (
        Step(
            operator,
            kernel,
            operator.inputs[:1],
            operator.outputs[0],
            (window,),
            out_h,
            params,
            macs=macs(graph, operator),
            arguments=("columns",),
        ),
    )


def as_conv_2d(step: Step, width: int) -> Step:
    """Return a step over one channel as the convolution that it is."""
    ones = {"stride_h": 1, "pool_h": 1, "pool_w": 1, "pool_stride_w": 1}
    params = CONV_2D.take(step.params, out_c=step.params["depth_multiplier"], out_w=width, **ones)
    return replace(step, kernel=CONV_2D, params=params)
