# SPDX-License-Identifier: Apache-2.0
"""CONV_2D, and with it a max pool that a pass has fused into it.

The maximum is taken of the sums, which are requantized once per pooled output.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.geometry import Axis
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import Kernel, Line, Params, Sums
from edgecnn.compiler.ops import _groups, _linear, _linear_kernels
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.steps import Step, Window
from edgecnn.compiler.traits import Channels, Layout
from edgecnn.errors import ModelError

CONV_2D = Kernel(
    "conv_2d",
    (
        Line.shape("int16_t in_w, in_c, out_w, out_c"),
        Line.shape("int16_t filter_h, filter_w, stride_h, stride_w, dilation_h, dilation_w, pad_w"),
        Line.shape(
            "int16_t pool_h, pool_w, pool_stride_w", "a fused max pool: of the sums, before they are scaled"
        ),
        *_linear_kernels.lines("OHWI"),
    ),
    sums=Sums(),
)
CONV_2D_S16 = _linear_kernels.over_int16(CONV_2D)
CONV_2D_S8W4 = _linear_kernels.over_int4(CONV_2D)


class Pool(NamedTuple):
    """A fused pool: its windows' size, and how far they lie apart."""

    h: int
    w: int
    stride_h: int
    stride_w: int


@dataclass(frozen=True, kw_only=True)
class Conv2DOptions(geometry.Dilated):
    """Of CONV_2D; `pool` is what a pass has fused, `float32_scales` how FULLY_CONNECTED multiplies scales."""

    pool: Pool | None = None
    float32_scales: bool = False


OPTIONS = Conv2DOptions
range_of, turned, rewrite = _linear.range_of, _linear.turned, _groups.rewrite


def layout(operator: Operator) -> Layout:
    """Return where weights and biases are."""
    told = operator.options
    dense = isinstance(told, Conv2DOptions) and (told.float32_scales or told.unsigned)
    return Layout(channel_axis=0, float32_scales=dense)


def channels(graph: Graph, operator: Operator) -> Channels:
    """Say that each output channel sums up all of the input's."""
    return Channels.SUMMED


def check(graph: Graph, operator: Operator) -> None:
    """Check types, shapes and the fused activation."""
    source, output = graph.input(operator, 0), graph.output(operator)
    geometry.check_types(graph, operator, (source, output), geometry.INT8_OR_INT16)
    geometry.check_activation(graph, operator)
    weights = geometry.constant(graph, operator, 1)
    if weights.ndim != 4 or len(source.shape) != 4 or weights.shape[3] != source.shape[3]:
        raise ModelError(
            f"{graph.describe(operator)} has filter {weights.shape} on input {source.shape}; "
            "the filter's last dimension must be the input's channels, or those of a group"
        )
    needs_bias = output.dtype == "int16" or _linear.is_unsigned(operator)
    if needs_bias and graph.optional_input(operator, 2) is None:
        dtype = "int16" if output.dtype == "int16" else "uint8"
        raise ModelError(
            f"{graph.describe(operator)} has no bias; TFLite needs one for {dtype}, of zeros if need be"
        )
    geometry.check_windows(graph, operator, (weights.shape[1], weights.shape[2]), weights.shape[0])
    _linear.check_scales(graph, operator)


def macs(graph: Graph, operator: Operator) -> int:
    """Return the multiplications of one inference, those with padding included."""
    batch, rows, columns, _ = graph.output(operator).shape
    pool_h, pool_w, _, _ = _pool(graph, operator)
    return batch * rows * pool_h * columns * pool_w * graph.input(operator, 1).size


def _pool(graph: Graph, operator: Operator) -> Pool:
    """Return the fused pool, ones where there is none."""
    return geometry.options(graph, operator, Conv2DOptions).pool or Pool(1, 1, 1, 1)


def _positions(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return how many rows and columns of convolution outputs make `height` x `width` pooled ones."""
    pool_h, pool_w, stride_h, stride_w = _pool(graph, operator)
    return (height - 1) * stride_h + pool_h, (width - 1) * stride_w + pool_w


def axes(graph: Graph, operator: Operator) -> tuple[Axis, Axis]:
    """Return the vertical and the horizontal axis of the windows."""
    filter_h, filter_w = graph.input(operator, 1).shape[1:3]
    out = graph.output(operator).shape
    rows, columns = _positions(graph, operator, out[1], out[2])
    told, source = geometry.options(graph, operator, Conv2DOptions), graph.input(operator, 0).shape
    return geometry.axes(told, (filter_h, filter_w), source, (1, rows, columns, out[3]))


def column_consumer(step: Step) -> bool:
    """Say whether a step can take its input column by column: 1x1, of stride 1, and nothing is fused."""
    ones = ("filter_h", "filter_w", "stride_h", "stride_w", "pool_h", "pool_w")
    return step.kernel.name == CONV_2D.name and all(step.params[name] == 1 for name in ones)


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read."""
    _, in_h, in_w, _ = graph.input(operator, 0).shape
    rows, columns = _positions(graph, operator, height, width)
    vertical, horizontal = axes(graph, operator)
    return vertical.needed(rows, in_h), horizontal.needed(columns, in_w)


def _sums(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> quant.Int64s:
    """Return the sums of all positions, int64[rows, columns, channels], bias included."""
    linear = Linear.of(graph, operator)
    _, height, width, channels = graph.output(operator).shape
    rows, columns = _positions(graph, operator, height, width)
    centred = inputs[0][0].astype(np.float64) - linear.input_zero_point
    # Sums of such products are exact in float64, and NumPy multiplies matrices of floats fast.
    total = np.zeros((rows, columns, channels))
    vertical, horizontal = axes(graph, operator)
    across = geometry.taps(horizontal, columns, centred.shape[1])
    for tap_y, out_y, in_y in geometry.taps(vertical, rows, centred.shape[0]):
        for tap_x, out_x, in_x in across:
            total[out_y, out_x] += centred[in_y, in_x] @ linear.weights[:, tap_y, tap_x, :].T.astype(
                np.float64
            )
    return np.asarray(total.astype(np.int64) + linear.bias)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    linear = Linear.of(graph, operator)
    total = _sums(graph, operator, inputs)
    pool_h, pool_w, stride_h, stride_w = _pool(graph, operator)
    windows: Any = np.lib.stride_tricks.sliding_window_view(total, (pool_h, pool_w), axis=(0, 1))  # type: ignore[call-overload]
    pooled = windows[::stride_h, ::stride_w].max(axis=(-2, -1))
    return linear.requantize(pooled)[np.newaxis]


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step; with a fused pool also one that keeps a running maximum and so reads fewer rows."""
    pool_h, pool_w, pool_stride_h, pool_stride_w = _pool(graph, operator)
    vertical, horizontal = axes(graph, operator)
    _, out_h, out_w, out_c = graph.output(operator).shape
    _, _, in_w, in_c = graph.input(operator, 0).shape
    linear = Linear.of(graph, operator)
    kernel = linear.kernel(CONV_2D, CONV_2D_S16, CONV_2D_S8W4)
    params: Params = {
        "in_w": in_w,
        "in_c": in_c,
        "out_w": out_w,
        "out_c": out_c,
        "filter_h": vertical.size,
        "filter_w": horizontal.size,
        "stride_h": vertical.stride,
        "stride_w": horizontal.stride,
        "dilation_h": vertical.dilation,
        "dilation_w": horizontal.dilation,
        "pad_w": horizontal.pad,
        "pool_h": pool_h,
        "pool_w": pool_w,
        "pool_stride_w": pool_stride_w,
        **linear.params(),
        "filter": linear.filter(kernel),
    }

    def step(rows_at_once: int) -> Step:
        group = pool_h // rows_at_once
        extent = (rows_at_once - 1) * vertical.stride + vertical.extent
        window = Window(extent, pool_stride_h * vertical.stride, -vertical.pad, vertical.stride)
        return Step(
            operator,
            kernel,
            operator.inputs[:1],
            operator.outputs[0],
            (window,),
            out_h * group,
            {**params, "pool_h": rows_at_once},
            group=group,
            macs=macs(graph, operator),
            arguments=("part",),
        )

    return (step(pool_h),) if pool_h == 1 else (step(pool_h), step(1))
