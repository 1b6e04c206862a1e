# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED over the whole input, which may still have the rows it had before a RESHAPE.

On several vectors, as a dense layer on a map, it is a 1x1 convolution. TensorFlow Lite's reference kernel of
version 2.14 goes astray where weights are quantized per channel and the output has more than two dimensions
(`keep_num_dims`): it takes the first two for vectors and values. With two dimensions it is right, and what
it makes then is followed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.kernel import Kernel, Line, Sums
from edgecnn.compiler.ops import _linear, _linear_kernels, _moving
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.conv_2d import Conv2DOptions
from edgecnn.compiler.steps import Step, Window
from edgecnn.compiler.traits import Channels, Layout
from edgecnn.errors import ModelError

FULLY_CONNECTED = Kernel(
    "fully_connected",
    (
        Line.shape("int32_t in, row", "bytes of the whole input and of one of its rows"),
        Line.shape("int16_t out, rows, parts"),
        Line.shape("int16_t per_channel", "0: one multiplier and shift for all"),
        *_linear_kernels.lines("[out][in]"),
    ),
    sums=Sums(),
).but(without="input_zero_point")  # there is no padding
FULLY_CONNECTED_S16 = _linear_kernels.over_int16(FULLY_CONNECTED).but(
    Line.shape("int32_t in, row", "values of the whole input and of one of its rows")
)
FULLY_CONNECTED_S8W4 = _linear_kernels.over_int4(FULLY_CONNECTED)


@dataclass(frozen=True, kw_only=True)
class FullyConnectedOptions(geometry.Fused):
    """Of FULLY_CONNECTED; a weights format of 0 is that of a matrix."""

    weights_format: int


OPTIONS = FullyConnectedOptions
LITERT_STEPS = 1  # it rounds once there
TAKES_ANY_ROWS = True  # a map or its flattened form
range_of = _linear.range_of


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return a 1x1 convolution where there are several vectors; over a single one the operator stays."""
    source, output, weights = graph.input(operator, 0), graph.output(operator), graph.input(operator, 1)
    vectors = source.size // max([1, *weights.shape[-1:]])
    if vectors == 1 or source.shape[-1:] != weights.shape[1:] or output.size != vectors * weights.shape[0]:
        return [operator]
    _check_options(graph, operator)
    shape = (1,) * (4 - len(source.shape)) + source.shape
    kept = geometry.constant(graph, operator, 1).reshape(weights.shape[0], 1, 1, -1)
    tensors.append(replace(weights, shape=kept.shape, data=kept))
    filter_ = len(tensors) - 1
    read = _moving.add_between(tensors, source, shape)
    written = _moving.add_between(tensors, output, (*shape[:-1], weights.shape[0]))
    bias = operator.inputs[2:] if graph.optional_input(operator, 2) is not None else ()
    if not bias and output.dtype == "int16":  # where a convolution needs one
        tensors.append(Tensor("", (weights.shape[0],), "int32", None, np.zeros(weights.shape[0], np.int32)))
        bias = (len(tensors) - 1,)
    options = Conv2DOptions(
        activation=geometry.options(graph, operator, FullyConnectedOptions).activation,
        padding="valid",
        stride_h=1,
        stride_w=1,
        dilation_h=1,
        dilation_w=1,
        float32_scales=True,
    )
    return [
        _moving.reshaped(operator, operator.inputs[0], read),
        Operator("CONV_2D", operator.index, (read, filter_, *bias), (written,), options),
        _moving.reshaped(operator, written, operator.outputs[0]),
    ]


def unlike_reference(graph: Graph, operator: Operator) -> str:
    """Return why TFLite's reference kernel isn't followed: see above; empty where it is."""
    stored = graph.input(operator, 1).quantization
    if stored is not None and stored.per_channel and len(graph.output(operator).shape) > 2:
        return "its reference kernel in 2.14 goes astray with scales per channel and 3 dimensions or more"
    return ""


def layout(operator: Operator) -> Layout:
    """Return where weights and biases are."""
    return Layout(channel_axis=0, float32_scales=True)


def channels(graph: Graph, operator: Operator) -> Channels:
    """Say that each output channel sums up all of the input's."""
    return Channels.SUMMED


def check(graph: Graph, operator: Operator) -> None:
    """Check types, shapes and the fused activation."""
    source, output = graph.input(operator, 0), graph.output(operator)
    geometry.check_types(graph, operator, (source, output), geometry.INT8_OR_INT16, most=geometry.MOST_VALUES)
    geometry.check_activation(graph, operator)
    weights = geometry.constant(graph, operator, 1)
    if weights.ndim != 2 or weights.shape[1] != source.size or weights.shape[0] != output.size:
        raise ModelError(
            f"{graph.describe(operator)} has weights {weights.shape} on input {source.shape} and output "
            f"{output.shape}; (outputs, {source.size}) needed, or as many as the input's last dimension has"
        )
    if output.size > geometry.MOST:
        raise ModelError(f"{graph.describe(operator)} has {output.size} outputs; {geometry.MOST} at most")
    _check_options(graph, operator)


def _check_options(graph: Graph, operator: Operator) -> None:
    if geometry.options(graph, operator, FullyConnectedOptions).weights_format != 0:
        raise ModelError(
            f"{graph.describe(operator)} has shuffled weights; only the default format is supported"
        )
    _linear.check_scales(graph, operator)


def macs(graph: Graph, operator: Operator) -> int:
    """Return the multiplications of one inference."""
    outputs, taps = graph.input(operator, 1).shape
    return outputs * taps * (graph.input(operator, 0).size // taps)


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input: all of them."""
    shape = graph.input(operator, 0).shape
    return (shape[1], shape[2]) if len(shape) == 4 else (1, 1)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    linear = Linear.of(graph, operator)
    centred = inputs[0].reshape(-1).astype(np.float64) - linear.input_zero_point
    total = (linear.weights.astype(np.float64) @ centred).astype(np.int64) + linear.bias
    return linear.requantize(total).reshape(graph.output(operator).shape)


def _scaled_alike(graph: Graph, operator: Operator, linear: Linear) -> bool:
    """Tell whether all outputs have one scale; with weights apart, whether they do in every training."""
    stored = graph.input(operator, 1).quantization
    if graph.weights_apart:
        return stored is None or not stored.per_channel
    return len(set(zip(linear.multiplier.tolist(), linear.shift.tolist(), strict=True))) == 1


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return a step that takes all rows at once; with several rows also one that takes each as it comes."""
    _, rows, columns, channels = graph.input(operator, 0).shape
    linear = Linear.of(graph, operator)
    kernel = linear.kernel(FULLY_CONNECTED, FULLY_CONNECTED_S16, FULLY_CONNECTED_S8W4)
    params = {
        **kernel.take(linear.params(), filter=linear.filter(kernel)),
        "out": graph.output(operator).size,
        "row": columns * channels,
        "in": rows * columns * channels,
    }
    if _scaled_alike(graph, operator, linear):
        params |= {name: np.asarray(params[name])[:1] for name in ("multiplier", "shift")}
    params["per_channel"] = int(np.size(params["shift"]) > 1)

    def step(rows_at_once: int) -> Step:
        parts = rows // rows_at_once
        return Step(
            operator,
            kernel,
            operator.inputs[:1],
            operator.outputs[0],
            (Window(rows_at_once, 0, inner=rows_at_once),),
            parts,
            params | {"rows": rows_at_once, "parts": parts},
            group=parts,
            scratch=0 if parts == 1 else (8 if linear.dtype == "int16" else 4) * graph.output(operator).size,
            macs=macs(graph, operator),
            arguments=("part", "sums"),
        )

    return (step(rows),) if rows == 1 else (step(rows), step(1))
