# SPDX-License-Identifier: Apache-2.0
"""An ONNX operator on its way to Keras, and the table of those that are known."""

import re
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from edgecnn.converters.onnx_file import OnnxNode
from edgecnn.converters.onnx_ops._tensor import CHANNELS_LAST, Array, Tensor
from edgecnn.errors import ModelError

Value = Tensor | Array | None  # what the image becomes, a constant, or an input that is left out
MOST_ELEMENTS = 1 << 28  # of a tensor: 1 GiB of floats
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


class Node:
    """An operator with the values of its inputs."""

    def __init__(self, node: OnnxNode, inputs: Sequence[Value], opset: int, names: Names) -> None:
        self.op, self.inputs, self.opset = node.op, inputs, opset
        self.outputs = len(node.outputs)
        self._node, self._names = node, names

    @property
    def name(self) -> str:
        """Return a name for a layer, each time another."""
        return self._names.fresh(self._node.name)

    def aside(self, what: str) -> str:
        """Return a name for a layer beside the operator's own."""
        return self._names.fresh(f"{self._node.name}_{what}")

    def has(self, index: int) -> bool:
        """Say whether an input is given."""
        return len(self.inputs) > index and self.inputs[index] is not None

    def get(self, attribute: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self._node.attributes.get(attribute, default)

    def constant(self, index: int, default: Any = None) -> Array:
        """Return an input that is a constant.

        Raises:
            ModelError: it is computed of the image, or left out and there is no default.
        """
        value = self.inputs[index] if self.has(index) else default
        if value is None or isinstance(value, Tensor):
            raise ModelError(f"input {index} must be a constant")
        return np.asarray(value)

    def integers(self, attribute: str, index: int) -> list[int] | None:
        """Return whole numbers that older opsets have in an attribute, and newer in an input; None: none."""
        values = self.constant(index) if self.has(index) else self.get(attribute)
        return None if values is None else [int(value) for value in np.asarray(values).reshape(-1)]

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
Fold = Callable[[Node, Sequence[Array]], Array]
ROWS: dict[str, Row] = {}  # by op: what it becomes of the image
FOLDS: dict[str, Fold] = {}  # by op: what it becomes of constants


def row(*ops: str) -> Callable[[Row], Row]:
    """Enter a function into the table, for ops that are computed of the image."""

    def enter(function: Row) -> Row:
        ROWS.update(dict.fromkeys(ops, function))
        return function

    return enter


def fold(*ops: str) -> Callable[[Fold], Fold]:
    """Enter a function into the table, for ops that are computed of constants alone."""

    def enter(function: Fold) -> Fold:
        FOLDS.update(dict.fromkeys(ops, function))
        return function

    return enter


def require_size(shape: Sequence[int]) -> None:
    """Check that a tensor holds something, and not too much.

    Raises:
        ModelError: it doesn't.
    """
    if any(side < 1 for side in shape) or prod(map(int, shape)) > MOST_ELEMENTS:
        raise ModelError(f"it makes a tensor of {list(shape)}; allowed are 1 to {MOST_ELEMENTS:,} values")
