# SPDX-License-Identifier: Apache-2.0
"""A Graph that grows operator by operator, and what stands in it for the values of an ONNX file.

QuantizeLinear and DequantizeLinear make nothing: a value is a tensor with the scale that they give it. All
activations become int8; uint8 is 128 less in every value and zero point, which stand for the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from edgecnn.compiler.ir import Operator, Quantization, Tensor
from edgecnn.compiler.reading.onnx.node import Array, require_size
from edgecnn.compiler.reading.onnx.views import Move, Numbers, moves, reshape
from edgecnn.compiler.reading.options import decoded
from edgecnn.compiler.reading.schema import table_of
from edgecnn.errors import ModelError

Order = tuple[int, ...]
CHANNELS_LAST: Order = (0, 2, 3, 1)
LOWEST, HIGHEST = -128, 127


@dataclass(eq=False)
class Value:
    """What is made of the network's input.

    Attributes:
        tensor: in the graph.
        shape: ONNX's.
        order: axis `i` of the tensor is axis `order[i]` of ONNX's, where there is no view.
        view: the number of the value in the tensor for each of ONNX's, where it was only moved since.
        pending: whether the file goes on with its floats: what rounds them is still to come.
        made: the same in other orders, as far as they were asked for.
    """

    tensor: int
    shape: tuple[int, ...]
    order: Order
    view: Numbers | None = None
    pending: bool = False
    made: dict[Order, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Quantized:
    """A constant of integers that stand for real numbers: one scale, or one for each index along `axis`."""

    integers: Array
    scales: npt.NDArray[np.float32]
    zero_points: npt.NDArray[np.int64]
    axis: int = 0

    def along(self, values: Array) -> Array:
        """Return scales or zero points in a shape that broadcasts against the integers."""
        sides = [1] * self.integers.ndim
        if values.size > 1:
            sides[self.axis] = values.size
        return values.reshape(sides) if values.size > 1 else values.reshape(())

    @property
    def real(self) -> npt.NDArray[np.float32]:
        """What the integers stand for."""
        centred = self.integers.astype(np.int64) - self.along(self.zero_points)
        return np.asarray(centred * self.along(self.scales), np.float32)


def signed(scale: float, zero_point: int, dtype: str) -> Quantization:
    """Return the quantization of int8 that stands for the same numbers as one of int8 or uint8."""
    return Quantization((float(np.float32(scale)),), (zero_point - (128 if dtype == "uint8" else 0),))


def canonical(rank: int) -> Order:
    """Return in which order a graph has the axes of a value: an image's channels last."""
    return CHANNELS_LAST if rank == len(CHANNELS_LAST) else tuple(range(rank))


class Network:
    """Tensors and operators."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []
        self.name, self.index = "", 0  # of the ONNX operator of which parts are added

    def quantization(self, value: Value) -> Quantization:
        """Return the scale and zero point of a value."""
        quantization = self.tensors[value.tensor].quantization
        if quantization is None:
            raise ModelError("it takes class numbers; allowed are values with a scale")
        return quantization

    def tensor(self, shape: Sequence[int], quantization: Quantization | None, dtype: str = "int8") -> int:
        """Add a tensor that an operator makes."""
        require_size(tuple(shape) or (1,))
        self.tensors.append(Tensor(self.name, tuple(shape), dtype, quantization))
        return len(self.tensors) - 1

    def constant(self, values: Array, quantization: Quantization | None = None) -> int:
        """Add a constant."""
        kept = np.ascontiguousarray(values)
        self.tensors.append(Tensor(self.name, values.shape, kept.dtype.name, quantization, kept))
        return len(self.tensors) - 1

    def constant_of(self, constant: Quantized, rank: int) -> int:
        """Add a constant of the file with `rank` axes in canonical order."""
        values, unsigned = constant.integers, constant.integers.dtype == np.uint8
        values = values.reshape((1,) * (rank - values.ndim) + values.shape).transpose(canonical(rank))
        if unsigned:
            values = (values ^ np.uint8(128)).view(np.int8)
        scale, zero_point = float(constant.scales[0]), int(constant.zero_points[0])
        return self.constant(values, signed(scale, zero_point, constant.integers.dtype.name))

    def operand(self, operand: "Value | Quantized", rank: int) -> int:
        """Return a tensor of a value or a constant with `rank` axes in canonical order."""
        if isinstance(operand, Quantized):
            return self.constant_of(operand, rank)
        if len(operand.shape) == rank:
            return self.ordered(operand)
        shape = (1,) * (rank - len(operand.shape)) + operand.shape
        return self.ordered(replace(operand, shape=shape, view=self.numbers(operand).reshape(shape), made={}))

    def lie_alike(self, first: Value, second: Value) -> bool:
        """Tell whether two values lie in their tensors in the same way."""
        if (
            first.shape != second.shape
            or self.tensors[first.tensor].shape != self.tensors[second.tensor].shape
        ):
            return False
        if first.view is None and second.view is None:
            return first.order == second.order
        return np.array_equal(self.numbers(first), self.numbers(second))

    def add(self, op: str, inputs: Sequence[int], made: int, **numbers: int | float | bool) -> int:
        """Add an operator with its options by the names of the schema; return the tensor that it makes."""
        options, _ = decoded(op, table_of(op), numbers)
        self.operators.append(Operator(op, len(self.operators), tuple(inputs), (made,), options))
        return made

    def ordered(self, value: Value, order: Order | None = None) -> int:
        """Return a tensor of a value with its axes in an order, by default the canonical one."""
        order = canonical(len(value.shape)) if order is None else order
        if value.view is None and order == value.order:
            return value.tensor
        if order not in value.made:
            value.made[order] = self._moved(value.tensor, self.numbers(value).transpose(order))
        return value.made[order]

    def numbers(self, value: Value) -> Numbers:
        """Return which value of its tensor each value is, in ONNX's shape."""
        if value.view is not None:
            return value.view
        shape = self.tensors[value.tensor].shape
        return np.arange(np.prod(shape, dtype=int)).reshape(shape).transpose(np.argsort(value.order))

    def _moved(self, tensor: int, numbers: Numbers) -> int:
        source = self.tensors[tensor]
        flat = numbers.ravel()
        if source.size == flat.size and np.array_equal(flat, np.arange(flat.size)):
            return tensor if source.shape == numbers.shape else self.move(tensor, reshape(numbers.shape))
        for step in moves(source.shape, numbers):
            tensor = self.move(tensor, step)
        return tensor

    def move(self, tensor: int, step: Move) -> int:
        """Add an operator that moves values of a tensor."""
        source = self.tensors[tensor]
        lists = [self.constant(values) for values in step.lists]
        made = self.tensor(step.shape, source.quantization, source.dtype)
        return self.add(step.op, (tensor, *lists), made, **step.options)

    def of(self, tensor: int, like: Value, *, pending: bool = True) -> Value:
        """Return the value that a tensor is which lies as that of another value does."""
        return Value(tensor, like.shape, like.order, like.view, pending)

    def value(self, tensor: int, *, pending: bool = True) -> Value:
        """Return the value that a tensor in canonical order is."""
        order = canonical(len(self.tensors[tensor].shape))
        shape = [0] * len(order)
        for axis, side in zip(order, self.tensors[tensor].shape, strict=True):
            shape[axis] = side
        return Value(tensor, tuple(shape), order, None, pending)

    def rescaled(self, value: Value, wanted: Quantization) -> Value:
        """Return a value at a scale and zero point, by QUANTIZE where it has others."""
        if self.quantization(value) == wanted:
            return value
        made = self.tensor(self.tensors[value.tensor].shape, wanted)
        return self.of(self.add("QUANTIZE", (value.tensor,), made), value, pending=False)

    def unary(self, op: str, value: Value, wanted: Quantization, **numbers: float) -> Value:
        """Return what an op makes of each number of a value."""
        made = self.tensor(self.tensors[value.tensor].shape, wanted)
        return self.of(self.add(op, (value.tensor,), made, **numbers), value)

    def maker(self, value: Value) -> Operator | None:
        """Return the operator that has made a value."""
        return next((one for one in reversed(self.operators) if value.tensor in one.outputs), None)
