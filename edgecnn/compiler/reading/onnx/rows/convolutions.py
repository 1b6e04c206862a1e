# SPDX-License-Identifier: Apache-2.0
"""Convolutions: of all channels, of each by itself, in groups, and turned round."""

from dataclasses import replace

import numpy as np

from edgecnn.compiler.reading.onnx.network import Network, Quantized, Value
from edgecnn.compiler.reading.onnx.node import Array
from edgecnn.compiler.reading.onnx.rows._node import Node, int8_of, row
from edgecnn.compiler.reading.onnx.rows._weights import bias, reading_twice, scales_along
from edgecnn.compiler.reading.onnx.rows._windows import PADDINGS, over_images, padded, shape_of
from edgecnn.compiler.reading.onnx.windows import windows
from edgecnn.errors import ModelError

_FARTHEST = 127  # of int8 in both directions


@row("Conv")
def convolution(node: Node) -> Value:
    """Make a CONV_2D or a DEPTHWISE_CONV_2D; in groups, one for each and a CONCATENATION."""
    return convolved(node)


def convolved(node: Node) -> Value:
    """Return what an operator makes that has the inputs and attributes of a Conv."""
    return over_images(node, _convolution)


def _convolution(node: Node) -> Value:
    source, weights, network = node.value(), node.weights(1), node.network
    group, channels, (out, wide) = node.get("group", 1), source.shape[1], weights.integers.shape[:2]
    if group < 1 or channels != group * wide or out % group:
        raise ModelError(
            f"it has {group} groups, filters {list(weights.integers.shape)} and {channels} inputs"
        )
    if group == 1:
        node = reading_twice(node, channels=1, axis=1)
        source = node.value()
    if group in (1, channels):
        return network.value(_convolved(node, source, (0, out), depthwise=group == channels > 1))
    numbers, each, parts = network.numbers(source), out // group, []
    for index in range(group):
        view = numbers[:, index * wide : (index + 1) * wide]
        part = replace(source, shape=view.shape, view=view, made={})
        parts.append(_convolved(node, part, (index * each, (index + 1) * each), depthwise=False))
    made = network.tensor((*network.tensors[parts[0]].shape[:3], out), node.scaling)
    return network.value(network.add("CONCATENATION", parts, made, axis=3, fused_activation_function=0))


def _convolved(node: Node, source: Value, part: tuple[int, int], *, depthwise: bool) -> int:
    """Return what some of the filters, from the first to the last, make of an image."""
    network, count = node.network, part[1] - part[0]
    integers, scales = int8_of(node.weights(1))
    if scales.size > 1 and node.weights(1).axis % integers.ndim:
        raise ModelError(f"it has weights with scales along axis {node.weights(1).axis}; 0 is possible")
    integers, scales = integers[slice(*part)], scales[slice(*part)] if scales.size > 1 else scales
    pair = rows, columns = windows(node, source.shape[2:], integers.shape[2:])
    image, padding = padded(network, network.ordered(source), pair)
    order = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
    filter_ = network.constant(integers.transpose(order), scales_along(scales, 3 if depthwise else 0))
    inputs = image, filter_, bias(node, 2, network.quantization(source), scales, part)
    made = network.tensor(shape_of(pair, count), node.scaling)
    dilation_h, dilation_w = node.get("dilations", [1, 1])
    options = {
        "padding": PADDINGS[padding],
        "stride_h": rows.stride,
        "stride_w": columns.stride,
        "dilation_h_factor": dilation_h,
        "dilation_w_factor": dilation_w,
        "fused_activation_function": 0,
    }
    if not depthwise:
        return network.add("CONV_2D", inputs, made, **options)
    return network.add(
        "DEPTHWISE_CONV_2D", inputs, made, **options, depth_multiplier=count // source.shape[1]
    )


@row("ConvTranspose")
def transposed(node: Node) -> Value:
    """Make a TRANSPOSE_CONV of all that it reaches, of which a part is taken."""
    network, source, weights = node.network, node.value(), node.weights(1)
    integers, scales = int8_of(weights)
    if len(source.shape) != 4 or node.get("group", 1) != 1 or max(node.get("dilations", [1, 1])) > 1:
        raise ModelError("it has groups, dilations or no image; one group without gaps is possible")
    if scales.size > 1 and weights.axis % integers.ndim != 1:
        raise ModelError(f"it has weights with scales along axis {weights.axis}; 1 is possible")
    _, out, *kernel = integers.shape
    strides, extra = node.get("strides", [1, 1]), node.get("output_padding", [0, 0])
    if node.get("auto_pad", "NOTSET") != "NOTSET" or node.get("output_shape"):
        raise ModelError("it has auto_pad or output_shape; give pads")
    pads = node.get("pads", [0, 0, 0, 0])
    sides = [
        (side - 1) * stride + taps
        for side, stride, taps in zip(source.shape[2:], strides, kernel, strict=True)
    ]
    shape = (1, *(side + more for side, more in zip(sides, extra, strict=True)), out)
    if min(*pads, *extra) < 0 or any(more >= stride for more, stride in zip(extra, strides, strict=True)):
        raise ModelError(f"it has pads {pads}, strides {strides} and output_padding {extra}")
    filter_ = network.constant(integers.transpose(1, 2, 3, 0), scales_along(scales, 0))
    inputs = (
        network.constant(np.array(shape, np.int32)),
        filter_,
        network.ordered(source),
        bias(node, 2, network.quantization(source), scales, (0, out)),
    )
    made = network.add(
        "TRANSPOSE_CONV",
        inputs,
        network.tensor(shape, node.scaling),
        padding=PADDINGS["valid"],
        stride_h=strides[0],
        stride_w=strides[1],
        fused_activation_function=0,
    )
    return _inner(network, network.value(made), pads)


def _inner(network: Network, value: Value, pads: list[int]) -> Value:
    if not any(pads):
        return value
    _, _, height, width = value.shape
    view = network.numbers(value)[:, :, pads[0] : height - pads[2], pads[1] : width - pads[3]]
    if not view.size:
        raise ModelError(f"it has pads {pads}, which leave nothing of {[height, width]}")
    return replace(value, shape=view.shape, view=view, made={})


@row("BatchNormalization")
def batch_normalization(node: Node) -> Value:
    """Make a convolution of each channel by its factor, whose bias is what is added."""
    scale, shift, mean, variance = (_floats(node, index) for index in range(1, 5))
    if node.outputs > 1 or node.get("training_mode", 0):
        raise ModelError("it normalizes by the batch, as in training; export the network after .eval()")
    factor = scale / np.sqrt(variance + node.get("epsilon", 1e-5))
    scales = (np.where(factor, np.abs(factor), _FARTHEST) / _FARTHEST).astype(np.float32)
    filters = (_FARTHEST * np.sign(factor)).astype(np.int8)
    sides = len(node.value().shape) - 2
    weights = Quantized(filters.reshape(-1, 1, *[1] * sides), scales, np.zeros(scales.size, np.int64), 0)
    inputs = [node.value(), weights, (shift - mean * factor).astype(np.float32)]
    return convolved(node.but(inputs, group=factor.size))


def _floats(node: Node, index: int) -> Array:
    given = node.inputs[index]
    real = given.real if isinstance(given, Quantized) else given
    if not isinstance(real, np.ndarray) or real.size != node.value().shape[1]:
        raise ModelError(f"input {index} must be a constant for each channel")
    return real.reshape(-1).astype(np.float64)
