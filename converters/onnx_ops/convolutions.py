# SPDX-License-Identifier: Apache-2.0
"""Convolutions."""

from typing import Any

import numpy as np

from edgecnn.compiler.reading.onnx.windows import windows
from edgecnn.converters.onnx_ops._node import Node, row
from edgecnn.converters.onnx_ops._tensor import Array, Tensor
from edgecnn.converters.onnx_ops._windows import thinned, zero_padded
from edgecnn.errors import ModelError
from edgecnn.models._layers import Slice
from edgecnn.tf import keras

L = keras.layers


def called(layer: Any, tensor: Any, *weights: Array) -> Any:
    """Return what a layer makes of a tensor, and give it its weights; empty ones are left out."""
    output = layer(tensor)
    layer.set_weights([values for values in weights if values.size])
    return output


@row("Conv")
def convolution(node: Node) -> Tensor:
    """Make a Conv2D or DepthwiseConv2D; of groups, one for each, as the generated C knows no groups."""
    image, filters, group = node.image(), _filters(node), node.get("group", 1)
    channels = image.shape[1]
    if channels != filters.shape[1] * group or filters.shape[0] % group:
        raise ModelError(f"it has filters {filters.shape} in {group} groups for {channels} channels")
    rows, columns = windows(node, image.shape[2:], filters.shape[2:])
    strides, dilations = (rows.stride, columns.stride), tuple(node.get("dilations", [1, 1]))
    depthwise = group == channels > 1
    thin = (1, 1)
    if max(dilations) > 1 or (depthwise and rows.stride != columns.stride):
        strides, thin = thin, strides  # TensorFlow has none beside dilation, nor two different ones
    same = rows.is_same and columns.is_same and thin == (1, 1)
    options = {"strides": strides, "padding": "same" if same else "valid", "dilation_rate": dilations}
    tensor = image.keras if same else zero_padded(node, image.keras, rows, columns)
    bias = node.constant(2, np.zeros(0))
    make = _depthwise if depthwise else _grouped
    return node.of(thinned(node, make(node, tensor, filters, bias, options), thin), image)


def _filters(node: Node) -> Array:
    filters = node.constant(1)
    if filters.ndim != 4:
        raise ModelError(f"it has filters {filters.shape}; allowed are those of 2-D convolutions")
    return filters


def _depthwise(node: Node, tensor: Any, filters: Array, bias: Array, options: dict[str, Any]) -> Any:
    channels, kernel = tensor.shape[-1], filters.shape[2:]
    multiplier = len(filters) // channels
    layer = L.DepthwiseConv2D(
        kernel, depth_multiplier=multiplier, use_bias=bias.size > 0, name=node.name, **options
    )
    return called(layer, tensor, filters.reshape(channels, multiplier, *kernel).transpose(2, 3, 0, 1), bias)


def _grouped(node: Node, tensor: Any, filters: Array, bias: Array, options: dict[str, Any]) -> Any:
    group = tensor.shape[-1] // filters.shape[1]
    biases = np.split(bias, group) if bias.size else [bias] * group
    parts = []
    for index, (kernel, own) in enumerate(zip(np.split(filters, group), biases, strict=True)):
        begin, end = index * kernel.shape[1], (index + 1) * kernel.shape[1]
        part = Slice([None, None, (begin, end, 1)], name=node.aside("group"))(tensor) if group > 1 else tensor
        layer = L.Conv2D(len(kernel), kernel.shape[2:], use_bias=own.size > 0, name=node.name, **options)
        parts.append(called(layer, part, kernel.transpose(2, 3, 1, 0), own))
    return parts[0] if group == 1 else L.Concatenate(name=node.aside("groups"))(parts)


@row("ConvTranspose")
def transposed_convolution(node: Node) -> Tensor:
    """Make a Conv2DTranspose, and a Cropping2D of the edges that Keras keeps and ONNX does not."""
    image, filters = node.image(), _filters(node)
    if (
        node.get("group", 1) != 1
        or max(node.get("dilations", [1])) > 1
        or node.get("output_shape")
        or node.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID")
    ):
        raise ModelError("it has groups, dilations, output_shape or auto_pad; allowed are strides and pads")
    strides, bias = tuple(node.get("strides", [1, 1])), node.constant(2, np.zeros(0))
    cuts, same = _edges(node, image.shape[2:], filters.shape[2:], strides)
    layer = L.Conv2DTranspose(
        filters.shape[1],
        filters.shape[2:],
        strides,
        "same" if same else "valid",
        use_bias=bias.size > 0,
        name=node.name,
    )
    tensor = called(layer, image.keras, filters.transpose(2, 3, 1, 0), bias)
    if not same and cuts != [(0, 0), (0, 0)]:
        tensor = L.Cropping2D(cuts, name=node.aside("cut"))(tensor)
    return node.of(tensor, image)


def _edges(
    node: Node, sides: tuple[int, ...], kernel: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[list[tuple[int, int]], bool]:
    """Return what is to be cut off from all that the windows reach, and whether SAME does just that."""
    pads, more = node.get("pads", [0, 0, 0, 0]), node.get("output_padding", [0, 0])
    cuts, same = [], True
    for axis, (side, taps, stride) in enumerate(zip(sides, kernel, strides, strict=True)):
        beyond = max(taps - stride, 0)
        reached = (side - 1) * stride + taps
        kept = side * stride + beyond  # by Keras
        cuts.append((pads[axis], kept - reached + pads[axis + 2] - more[axis]))
        same &= cuts[-1] == (beyond // 2, beyond - beyond // 2)
    if min(map(min, cuts)) < 0:
        raise ModelError(f"it has output_padding {more} with pads {pads}; allowed is no more than the pads")
    return cuts, same
