# SPDX-License-Identifier: Apache-2.0
"""An ONNX operator on its way to Keras, and the table of those that are known."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from edgecnn.compiler.reading.onnx.file import OnnxNode
from edgecnn.compiler.reading.onnx.node import Node as ReadNode
from edgecnn.converters.onnx_ops._tensor import CHANNELS_LAST, Array, Tensor
from edgecnn.errors import ModelError

Value = Tensor | Array | None  # what the image becomes, a constant, or an input that is left out
_SUFFIXES = ("", "_flat", "_from", "_to", "_order", "_order_from", "_order_to")  # that Tensor adds


class Names:
    """Gives layers names of their own that Keras allows."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def fresh(self, wanted: str) -> str:
        """Return a name like `wanted`; it, with any suffix that Tensor adds, is no other layer's."""
        base = re.sub(r"[^A-Za-z0-9]+", "_", wanted).strip("_") or "layer"
        name, number = base, 0
        while any(name + suffix in self._used for suffix in _SUFFIXES):
            number += 1
            name = f"{base}_{number}"
        self._used |= {name + suffix for suffix in _SUFFIXES}
        return name


class Node(ReadNode):
    """An operator with the values of its inputs."""

    def __init__(self, node: OnnxNode, inputs: Sequence[Value], opset: int, names: Names) -> None:
        super().__init__(node, inputs, opset)
        self._names = names

    @property
    def name(self) -> str:
        """Return a name for a layer, each time another."""
        return self._names.fresh(self._node.name)

    def aside(self, what: str) -> str:
        """Return a name for a layer beside the operator's own."""
        return self._names.fresh(f"{self._node.name}_{what}")

    def tensor(self, index: int = 0) -> Tensor:
        """Return an input that is made of the image, its axes in whatever order.

        Raises:
            ModelError: it is a constant, or left out.
        """
        value = self.inputs[index] if len(self.inputs) > index else None
        if not isinstance(value, Tensor):
            raise ModelError(f"input {index} is not made of the image")
        return value

    def natural(self, index: int = 0) -> Tensor:
        """Return an input with its axes in the order of ONNX."""
        return self.tensor(index).ordered(name=self.aside("moved"))

    def image(self, index: int = 0) -> Tensor:
        """Return an input of 4 axes with its channels last.

        Raises:
            ModelError: it has other axes.
        """
        tensor = self.tensor(index)
        if tensor.rank != 4:
            raise ModelError(f"it takes {list(tensor.shape)}; allowed are 2-D images, [n, c, h, w]")
        return tensor.ordered(CHANNELS_LAST, self.aside("moved"))

    def channels_last(self, index: int = 0) -> Tensor:
        """Return an input with its channels last, where it is an image; else as ONNX has it."""
        return self.image(index) if self.tensor(index).rank == 4 else self.natural(index)

    def unflattened(self, index: int = 0) -> Tensor:
        """Return an input in whatever order, which Keras has flattened, too, if ONNX has."""
        return self.natural(index) if self.tensor(index).is_flattened else self.tensor(index)

    def shaped(self, tensor: Tensor, shape: Sequence[int]) -> Tensor:
        """Return a tensor in another shape."""
        return tensor.reshaped(shape, self.aside("shaped"))

    def of(self, tensor: Any, like: Tensor) -> Tensor:
        """Return what Keras made of a tensor, its axes in the same order."""
        return Tensor.of(tensor, like.shape[0], like.order)


Row = Callable[[Node], Tensor | Sequence[Tensor]]
ROWS: dict[str, Row] = {}  # by op: what it becomes of the image


def row(*ops: str) -> Callable[[Row], Row]:
    """Enter a function into the table, for ops that are computed of the image."""

    def enter(function: Row) -> Row:
        ROWS.update(dict.fromkeys(ops, function))
        return function

    return enter
