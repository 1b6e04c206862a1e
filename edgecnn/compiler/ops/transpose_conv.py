# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSE_CONV: a convolution turned round, which enlarges an image by its strides.

A row or column of outputs has a phase: which taps of the filter meet input there. For each pair of phases
this is a small convolution of stride 1 with every `stride`-th tap, and the C computes it as such.
Version 4, with a fused activation, is more than tflite-runtime 2.14 runs: there the reference here is the
definition, and the activation a clamp as everywhere.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.geometry import Axis
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import Kernel, Line, Params, Sums, serving
from edgecnn.compiler.ops import _linear, _linear_kernels, _moving
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.steps import Step, Window
from edgecnn.compiler.traits import Layout
from edgecnn.errors import ModelError

TRANSPOSE_CONV = Kernel(
    "transpose_conv",
    (
        Line.shape("int16_t in_w, in_c, out_w, out_c"),
        Line.shape("int16_t filter_h, filter_w, stride_h, stride_w, pad_h, pad_w"),
        *_linear_kernels.lines(
            "for each phase of rows and of columns: OHWI of the taps that meet input there"
        ),
    ),
    sums=Sums(),
).but(Line.trained("const int32_t *bias", "for each phase; the input's zero point folded in"))
TRANSPOSE_CONV_S16 = _linear_kernels.over_int16(TRANSPOSE_CONV, "for each phase")

_SOURCE = 2  # input 0 is the output's shape, input 1 the filter
_LARGEST_STRIDE = 16  # each pair of rests by them has parameters of its own


OPTIONS = geometry.Windowed


def layout(operator: Operator) -> Layout:
    """Return where weights and biases are: behind the output's shape."""
    return Layout(channel_axis=0, source=_SOURCE, bias=3, float32_scales=_linear.is_unsigned(operator))


def check(graph: Graph, operator: Operator) -> None:
    """Check types, shapes and the fused activation."""
    source, output = graph.input(operator, _SOURCE), graph.output(operator)
    geometry.check_types(graph, operator, (source, output), geometry.INT8_OR_INT16)
    geometry.check_activation(graph, operator)
    weights = geometry.constant(graph, operator, 1)
    if weights.ndim != 4 or len(source.shape) != 4 or weights.shape[3] != source.shape[3]:
        raise ModelError(
            f"{graph.describe(operator)} has filter {weights.shape} on input {source.shape}; "
            "the filter's last dimension must be the input's channels"
        )
    wanted = _moving.integers(graph, operator, 0, 4)
    for shape in (wanted, (1, *wanted[1:3], weights.shape[0])):  # TFLite makes what is wanted, batch and all
        geometry.check_shape(graph, operator, shape)
    _linear.check_scales(graph, operator)
    strides = geometry.options(graph, operator, geometry.Windowed).strides
    if min(strides) < 1 or max(strides) > _LARGEST_STRIDE or max(weights.shape[1:3]) > geometry.MOST:
        raise ModelError(
            f"{graph.describe(operator)} has strides {list(strides)}, filter {weights.shape}; "
            f"strides of 1 to {_LARGEST_STRIDE} and filters up to {geometry.MOST} are supported"
        )


def macs(graph: Graph, operator: Operator) -> int:
    """Return the multiplications of one inference, those that fall outside the output included."""
    _, rows, columns, _ = graph.input(operator, _SOURCE).shape
    return rows * columns * graph.input(operator, 1).size


def axes(graph: Graph, operator: Operator) -> tuple[Axis, Axis]:
    """Return the axes of the convolution that would make the input's shape of the output's."""
    output_shape = graph.output(operator).shape
    told = geometry.options(graph, operator, geometry.Windowed)
    counts = [-(-length // stride) for length, stride in zip(output_shape[1:3], told.strides, strict=True)]
    filter_h, filter_w = graph.input(operator, 1).shape[1:3]
    return geometry.axes(told, (filter_h, filter_w), output_shape, (1, *counts, output_shape[3]))


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read."""
    _, in_h, in_w, _ = graph.input(operator, _SOURCE).shape
    vertical, horizontal = axes(graph, operator)
    rows, columns = (
        (length - 1 + axis.pad) // axis.stride + 1
        for length, axis in ((height, vertical), (width, horizontal))
    )
    return min(rows, in_h), min(columns, in_w)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does: each input adds a filter to the sums."""
    linear = Linear.of(graph, operator)
    _, rows, columns, channels = graph.output(operator).shape
    # Sums of such products are exact in float64, and NumPy multiplies matrices of floats fast.
    centred = inputs[0][0].astype(np.float64) - linear.input_zero_point
    total = np.zeros((rows, columns, channels))
    vertical, horizontal = axes(graph, operator)
    across = geometry.taps(horizontal, centred.shape[1], columns)
    for tap_y, in_y, out_y in geometry.taps(vertical, centred.shape[0], rows):
        for tap_x, in_x, out_x in across:
            taps = linear.weights[:, tap_y, tap_x, :].T.astype(np.float64)
            total[out_y, out_x] += centred[in_y, in_x] @ taps
    return linear.requantize(total.astype(np.int64) + linear.bias)[np.newaxis]


def _phases(linear: Linear, vertical: Axis, horizontal: Axis) -> Params:
    """Return the parameters of all kernels alike, and one filter and bias behind the other for each phase.

    A filter is OHWI; its taps are those that meet input, in the order of the input's rows and columns.
    """
    phases = [
        replace(
            linear, weights=linear.weights[:, y :: vertical.stride, x :: horizontal.stride][:, ::-1, ::-1]
        )
        for y in range(vertical.stride)
        for x in range(horizontal.stride)
    ]
    params = [phase.params() for phase in phases]
    return {
        **params[0],
        "filter": np.concatenate([phase.weights.reshape(-1) for phase in phases]),
        "bias": np.concatenate([np.asarray(phase["bias"]) for phase in params]),
    }


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    vertical, horizontal = axes(graph, operator)
    _, out_h, out_w, out_c = graph.output(operator).shape
    _, _, in_w, in_c = graph.input(operator, _SOURCE).shape
    params: Params = {
        "in_w": in_w,
        "in_c": in_c,
        "out_w": out_w,
        "out_c": out_c,
        "filter_h": vertical.size,
        "filter_w": horizontal.size,
        "stride_h": vertical.stride,
        "stride_w": horizontal.stride,
        "pad_h": vertical.pad,
        "pad_w": horizontal.pad,
        **_phases(Linear.of(graph, operator), vertical, horizontal),
    }
    extent = -(-vertical.size // vertical.stride)
    firsts = tuple((row + vertical.pad) // vertical.stride - extent + 1 for row in range(out_h))
    return (
        Step(
            operator,
            serving(graph.output(operator).dtype, TRANSPOSE_CONV, TRANSPOSE_CONV_S16),
            operator.inputs[_SOURCE : _SOURCE + 1],
            operator.outputs[0],
            (Window(extent, 0, firsts=firsts),),
            out_h,
            params,
            macs=macs(graph, operator),
            arguments=("row",),
        ),
    )
