# SPDX-License-Identifier: Apache-2.0
"""Windows that move over an image, and what is put around it where TensorFlow Lite's SAME is not it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from edgecnn.compiler.reading.onnx.network import LOWEST, Network, Quantized, Value
from edgecnn.compiler.reading.onnx.rows._node import Node
from edgecnn.errors import ModelError

PADDINGS = {"same": 0, "valid": 1}  # in the schema


@dataclass(frozen=True)
class Window:
    """Along one axis.

    Attributes:
        side: of the image.
        reach: from the first pixel of a window to the last, both included.
        stride: from one window to the next.
        begin: padding before the image.
        end: padding behind it that a window reads.
        declared: padding behind it that the file asks for.
        outputs: how many windows there are.
    """

    side: int
    reach: int
    stride: int
    begin: int
    end: int
    declared: int
    outputs: int

    @property
    def is_same(self) -> bool:
        """Say whether TensorFlow's SAME makes as many windows, and pads as much for them."""
        pads = _same(self.side, self.reach, self.stride)
        return self.outputs == -(-self.side // self.stride) and (self.begin, self.end) == pads


def _same(side: int, reach: int, stride: int) -> tuple[int, int]:
    """Return TensorFlow's padding before and behind an image, of which the second is the larger."""
    total = max((-(-side // stride) - 1) * stride + reach - side, 0)
    return total // 2, total - total // 2


def windows(node: Node, sides: tuple[int, ...], kernel: tuple[int, ...]) -> tuple[Window, Window]:
    """Return the windows of a convolution or a pool along height and width.

    Raises:
        ModelError: no window fits, or there is padding below zero.
    """
    strides, dilations = node.get("strides", [1, 1]), node.get("dilations", [1, 1])
    pads = node.get("pads", [0, 0, 0, 0])
    lengths = {len(strides), len(dilations), len(kernel), len(pads) / 2}
    if lengths != {2} or min(pads) < 0 or min(*strides, *dilations, *kernel) < 1:
        raise ModelError(
            f"it has kernel {list(kernel)}, strides {strides}, dilations {dilations} and pads {pads}"
        )
    reach = [(taps - 1) * dilation + 1 for taps, dilation in zip(kernel, dilations, strict=True)]
    rows, columns = (
        _window(node, sides[axis], reach[axis], strides[axis], (pads[axis], pads[axis + 2]))
        for axis in (0, 1)
    )
    return rows, columns


def _window(node: Node, side: int, reach: int, stride: int, pads: tuple[int, int]) -> Window:
    mode, same = node.get("auto_pad", "NOTSET"), _same(side, reach, stride)
    modes = {"NOTSET": pads, "VALID": (0, 0), "SAME_UPPER": same, "SAME_LOWER": same[::-1]}
    begin, declared = modes[mode]
    free, partly = side + begin + declared - reach, node.get("ceil_mode", 0)
    outputs = (-(-free // stride) if partly else free // stride) + 1
    if partly and (outputs - 1) * stride >= side + begin:
        outputs -= 1  # the last window would see nothing but padding
    if outputs < 1:
        raise ModelError(f"its window of {reach} doesn't fit a side of {side}")
    end = max((outputs - 1) * stride + reach - side - begin, 0)
    return Window(side, reach, stride, begin, end, declared, outputs)


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
    amounts = ((0, 0), (rows.begin, rows.end), (columns.begin, columns.end), (0, 0))
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
