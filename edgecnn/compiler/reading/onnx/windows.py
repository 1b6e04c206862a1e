# SPDX-License-Identifier: Apache-2.0
"""Windows that move over an image, as convolutions and pools have them: where they begin, and the padding."""

from dataclasses import dataclass

from edgecnn.compiler.reading.onnx.node import Node
from edgecnn.errors import ModelError


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
    def pads(self) -> tuple[int, int]:
        """Return the padding before and behind the image."""
        return self.begin, self.end

    @property
    def is_same(self) -> bool:
        """Say whether TensorFlow's SAME makes as many windows, and pads as much for them."""
        same = _same(self.side, self.reach, self.stride)
        return self.outputs == -(-self.side // self.stride) and self.pads == same


def _same(side: int, reach: int, stride: int) -> tuple[int, int]:
    """Return TensorFlow's padding before and behind an image, of which the second is the larger."""
    total = max((-(-side // stride) - 1) * stride + reach - side, 0)
    return total // 2, total - total // 2


def windows(node: Node, sides: tuple[int, ...], kernel: tuple[int, ...]) -> tuple[Window, Window]:
    """Return the windows of a convolution or a pool along height and width.

    Args:
        node: it.
        sides: height and width of the image.
        kernel: taps along each.

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
