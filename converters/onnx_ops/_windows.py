# SPDX-License-Identifier: Apache-2.0
"""Padding and strides that Keras's layers don't have themselves."""

from typing import Any

from edgecnn.compiler.reading.onnx.windows import Window
from edgecnn.converters.onnx_ops._node import Node
from edgecnn.tf import keras

L = keras.layers


def zero_padded(node: Node, image: Any, rows: Window, columns: Window) -> Any:
    """Return an image, (n, h, w, c), with zeros around it, where windows read them."""
    pads = (rows.pads, columns.pads)
    return image if pads == ((0, 0), (0, 0)) else L.ZeroPadding2D(pads, name=node.aside("pad"))(image)


def thinned(node: Node, image: Any, strides: tuple[int, int]) -> Any:
    """Return every so manieth row and column of an image, by pools of one pixel, which take strides."""
    return image if strides == (1, 1) else L.MaxPooling2D(1, strides, name=node.aside("pool"))(image)
