# SPDX-License-Identifier: Apache-2.0
"""An operator of an ONNX file with the values of its inputs, whatever stands for those."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.compiler.reading.onnx.file import OnnxNode
from edgecnn.errors import ModelError

Array = npt.NDArray[Any]
MOST_ELEMENTS = 1 << 28  # of a tensor: 1 GiB of floats


class Node:
    """An operator and its inputs: constants are arrays, those that are left out None."""

    def __init__(self, node: OnnxNode, inputs: Sequence[Any], opset: int) -> None:
        self.op, self.inputs, self.opset = node.op, inputs, opset
        self.outputs = len(node.outputs)
        self._node = node

    def has(self, index: int) -> bool:
        """Say whether an input is given."""
        return len(self.inputs) > index and self.inputs[index] is not None

    def get(self, attribute: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self._node.attributes.get(attribute, default)

    def constant(self, index: int, default: Any = None) -> Array:
        """Return an input that is a constant.

        Raises:
            ModelError: it is computed of the network's input, or left out and there is no default.
        """
        value = self.inputs[index] if self.has(index) else default
        if value is None or not isinstance(value, np.ndarray | np.generic | float | int):
            raise ModelError(f"input {index} must be a constant")
        return np.asarray(value)

    def integers(self, attribute: str, index: int) -> list[int] | None:
        """Return whole numbers that older opsets have in an attribute, and newer in an input; None: none."""
        values = self.constant(index) if self.has(index) else self.get(attribute)
        return None if values is None else [int(value) for value in np.asarray(values).reshape(-1)]


def require_size(shape: Sequence[int]) -> None:
    """Check that a tensor holds something, and not too much.

    Raises:
        ModelError: it doesn't.
    """
    if any(side < 1 for side in shape) or prod(map(int, shape)) > MOST_ELEMENTS:
        raise ModelError(f"it makes a tensor of {list(shape)}; allowed are 1 to {MOST_ELEMENTS:,} values")


def meant_shape(shape: tuple[int, ...], asked: list[int], *, zeros: bool) -> tuple[int, ...]:
    """Return the shape that ONNX means by one with 0, a side that stays, and -1, what is left.

    Args:
        shape: before.
        asked: after.
        zeros: 0 means 0.
    """
    if not zeros:
        asked = [shape[axis] if side == 0 else side for axis, side in enumerate(asked)]
    known = prod(side for side in asked if side != -1)
    if asked.count(-1) > 1 or known < 1 or prod(shape) % known:
        raise ModelError(f"it makes {asked} of {list(shape)}")
    return tuple(prod(shape) // known if side == -1 else side for side in asked)
