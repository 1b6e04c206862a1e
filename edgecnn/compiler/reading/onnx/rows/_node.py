# SPDX-License-Identifier: Apache-2.0
"""An operator of a quantized ONNX network on its way to a Graph, and the table of those that are known."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgecnn.compiler.ir import Quantization
from edgecnn.compiler.reading.onnx.file import OnnxNode
from edgecnn.compiler.reading.onnx.network import HIGHEST, LOWEST, Network, Quantized, Value
from edgecnn.compiler.reading.onnx.node import Array
from edgecnn.compiler.reading.onnx.node import Node as ReadNode
from edgecnn.errors import ModelError

_TOO_COARSE = 2  # times a scale: rounding twice then goes beyond a step
UNQUANTIZED = "quantize it, too, or give the float network to edgecnn export"


class Node(ReadNode):
    """An operator with the values of its inputs.

    Attributes:
        network: to which its parts are added.
        wanted: scale and zero point by which the file quantizes its output next; None where it doesn't.
        alone: whether nothing else reads what it takes of the network.
    """

    def __init__(
        self,
        node: OnnxNode,
        inputs: Sequence[Any],
        opset: int,
        network: Network,
        wanted: Quantization | None,
        alone: bool,
    ) -> None:
        super().__init__(node, inputs, opset)
        self.network, self.wanted, self.alone = network, wanted, alone

    def but(self, inputs: Sequence[Any], **attributes: Any) -> "Node":
        """Return the operator with other inputs, and some attributes changed."""
        node = replace(self._node, attributes={**self._node.attributes, **attributes})
        return Node(node, inputs, self.opset, self.network, self.wanted, self.alone)

    def moving(self, index: int = 0) -> Value:
        """Return an input that is made of the network's, rounded yet or not.

        Raises:
            ModelError: it is a constant, or left out.
        """
        value = self.inputs[index] if len(self.inputs) > index else None
        if not isinstance(value, Value):
            raise ModelError(f"input {index} is not made of the network's input")
        return value

    def value(self, index: int = 0) -> Value:
        """Return an input whose every value is a step of its scale.

        Raises:
            ModelError: the file computes it in floats.
        """
        value = self.moving(index)
        if value.pending:
            raise ModelError(f"it takes floats that nothing has quantized in input {index}; {UNQUANTIZED}")
        return value

    def weights(self, index: int) -> Quantized:
        """Return an input that is a constant of integers.

        Raises:
            ModelError: it is of floats, or no constant.
        """
        found = self.inputs[index] if len(self.inputs) > index else None
        if not isinstance(found, Quantized):
            what = "floats" if isinstance(found, np.ndarray) else "no constant"
            raise ModelError(f"input {index} is {what}; weights of int8 are needed: quantize them, too")
        return found

    @property
    def scaling(self) -> Quantization:
        """Return the scale and zero point of the output.

        Raises:
            ModelError: the file says none.
        """
        if self.wanted is None:
            raise ModelError(f"nothing quantizes what it makes; {UNQUANTIZED}")
        return self.wanted

    def scaled(self, value: Value) -> Value:
        """Return a value that was made at another scale than the output's at that.

        Raises:
            ModelError: it was rounded to more than a step of it.
        """
        has, wanted = self.network.quantization(value), self.wanted
        if wanted is None or has == wanted:
            return value
        if value.pending and has.scale >= _TOO_COARSE * wanted.scale:
            raise ModelError(
                f"it is quantized to scale {wanted.scale:.3g}, and TensorFlow Lite makes steps of "
                f"{has.scale:.3g} first, two or more in one; quantize its output to that scale"
            )
        return self.network.rescaled(value, wanted)


Row = Callable[[Node], Value | Sequence[Value]]
ROWS: dict[str, Row] = {}  # by op


def row(*ops: str) -> Callable[[Row], Row]:
    """Enter a function into the table."""

    def enter(function: Row) -> Row:
        ROWS.update(dict.fromkeys(ops, function))
        return function

    return enter


def in_steps(real: float, quantization: Quantization) -> int:
    """Return the step of int8 that is nearest to a real number."""
    steps = np.rint(np.clip(real / quantization.scale, -(2.0**30), 2.0**30)) + quantization.zero_point
    return int(np.clip(steps, LOWEST, HIGHEST))


def int8_of(constant: Quantized) -> tuple[Array, Array]:
    """Return weights as int8 of zero point 0, and their scales.

    Raises:
        ModelError: int8 does not hold them.
    """
    centred = constant.integers.astype(np.int64) - constant.along(constant.zero_points)
    if constant.integers.dtype not in (np.int8, np.uint8):
        raise ModelError(f"it has weights of {constant.integers.dtype}; int8 or uint8 needed")
    if centred.min() < LOWEST or centred.max() > HIGHEST:
        points = sorted(set(constant.zero_points.tolist()))[:3]
        raise ModelError(
            f"it has weights of {constant.integers.dtype} that less their zero point, "
            f"{', '.join(map(str, points))}, need 9 bits; quantize weights symmetrically, to int8"
        )
    return centred.astype(np.int8), constant.scales
