# SPDX-License-Identifier: Apache-2.0
"""What is put around an image where TensorFlow Lite's SAME is not it, and sequences as images."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgecnn.compiler.reading.onnx.network import LOWEST, Network, Quantized, Value
from edgecnn.compiler.reading.onnx.rows._node import Node
from edgecnn.compiler.reading.onnx.windows import Window
from edgecnn.errors import ModelError

PADDINGS = {"same": 0, "valid": 1}  # in the schema


def over_images(node: Node, make: Callable[[Node], Value]) -> Value:
    """Return what windows make of an image; a sequence, (n, c, length), is one of a single column."""
    value, network = node.moving(), node.network
    if len(value.shape) == 4:
        return make(node)
    if len(value.shape) != 3:
        raise ModelError(f"it takes {list(value.shape)}; allowed are images and sequences")
    view = network.numbers(value)[..., None]
    inputs = [replace(value, shape=view.shape, view=view, made={}), *node.inputs[1:]]
    if len(inputs) > 1 and isinstance(inputs[1], Quantized):
        inputs[1] = replace(inputs[1], integers=inputs[1].integers[..., None])
    before, after = node.get("pads", [0, 0])
    names = ("kernel_shape", "strides", "dilations")
    sides = {name: [*node.get(name), 1] for name in names if node.get(name) is not None}
    made = make(node.but(inputs, pads=[before, 0, after, 0], **sides))
    view = network.numbers(made)[..., 0]
    return replace(made, shape=view.shape, view=view, made={})


def padded(
    network: Network, image: int, pair: tuple[Window, Window], *, lowest: bool = False, same: bool = True
) -> tuple[int, str]:
    """Return an image with its padding around it, and the padding that is left to its windows.

    Args:
        network: to which operators are added.
        image: a tensor.
        pair: windows along height and width.
        lowest: put the lowest number there, else the zero point.
        same: whether SAME may do it.
    """
    rows, columns = pair
    amounts = ((0, 0), rows.pads, columns.pads, (0, 0))
    if not np.any(amounts):
        return image, "valid"
    if same and rows.is_same and columns.is_same:
        return image, "same"
    source = network.tensors[image]
    shape = [side + sum(around) for side, around in zip(source.shape, amounts, strict=True)]
    inputs = [image, network.constant(np.array(amounts, np.int32))]
    if lowest:
        inputs.append(network.constant(np.array([LOWEST], np.int8), source.quantization))
    made = network.tensor(shape, source.quantization)
    return network.add("PADV2" if lowest else "PAD", inputs, made), "valid"


def shape_of(pair: tuple[Window, Window], channels: int) -> tuple[int, int, int, int]:
    """Return the shape of what windows make."""
    return 1, pair[0].outputs, pair[1].outputs, channels
