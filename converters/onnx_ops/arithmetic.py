# SPDX-License-Identifier: Apache-2.0
"""Arithmetic of tensors, and of a tensor and a constant."""

from typing import Any

import numpy as np

from edgecnn.converters.onnx_ops._node import Node, row
from edgecnn.converters.onnx_ops._tensor import Array, Tensor
from edgecnn.errors import ModelError
from edgecnn.models._functions import numbers
from edgecnn.tf import keras, tf

L = keras.layers
_MERGES = {
    "Add": L.Add, "Sub": L.Subtract, "Mul": L.Multiply, "Max": L.Maximum, "Min": L.Minimum, "Sum": L.Add,
}  # fmt: skip
_FUNCTIONS = {
    "Add": tf.math.add, "Sub": tf.math.subtract, "Mul": tf.math.multiply, "Div": tf.math.divide,
    "Max": tf.math.maximum, "Min": tf.math.minimum, "Pow": tf.math.pow, "Sum": tf.math.add,
}  # fmt: skip


@row(*_FUNCTIONS)
def arithmetic(node: Node) -> Tensor:
    """Make a merging layer, or a Rescaling by a constant; else a function of TensorFlow."""
    if len(node.inputs) == 1:
        return node.tensor()
    if all(isinstance(value, Tensor) for value in node.inputs):
        return _merged(node)
    if len(node.inputs) != 2:
        raise ModelError(f"it takes {len(node.inputs)} values, some constant; allowed are two then")
    first = isinstance(node.inputs[0], Tensor)
    tensor, constant = node.tensor(int(not first)), node.constant(int(first))
    if node.op == "Pow" and first and np.all(constant == 2):
        return tensor.like(L.Multiply(name=node.name)([tensor.keras, tensor.keras]))
    if constant.size > 1:
        tensor = node.channels_last(int(not first))
        constant = _turned(constant, tensor)
    elif constant.ndim > tensor.rank:
        raise ModelError(f"it adds axes to {list(tensor.shape)}; allowed are constants with no more axes")
    output = _with_constant(node, tensor.keras, constant, first=first)
    return tensor.like(output) if constant.size == 1 else node.of(output, tensor)


def _turned(constant: Array, tensor: Tensor) -> Array:
    """Return a constant with its axes as Keras has those of a tensor, (1, ...)."""
    shape = (1,) * (tensor.rank - constant.ndim) + constant.shape
    if len(shape) != tensor.rank or shape[0] != 1:
        raise ModelError(f"it takes a constant of {list(constant.shape)} for {list(tensor.shape)}")
    return constant.reshape(shape).transpose(tensor.order)


def _with_constant(node: Node, tensor: Any, constant: Array, *, first: bool) -> Any:
    """Return what an operator makes of a Keras tensor, which is its `first` operand, and a constant."""
    of_channels = constant.size == 1 or constant.size == constant.shape[-1] == tensor.shape[-1]
    scaling = _scaling(node.op, constant.reshape(-1).astype(np.float64), first=first)
    if of_channels and scaling:
        return L.Rescaling(*map(numbers, scaling), name=node.name)(tensor)
    constant = constant.reshape(-1)[0] if constant.size == 1 else constant
    constant = constant.astype(np.float32)
    operands = (tensor, constant) if first else (constant, tensor)
    return _FUNCTIONS[node.op](*operands, name=node.name)


def _scaling(op: str, values: Array, *, first: bool) -> tuple[Any, Any] | None:
    """Return by what an operator scales a tensor, and what it adds then; None: it does something else."""
    if op in ("Add", "Sum"):
        return 1.0, values
    if op == "Sub":
        return (1.0, -values) if first else (-1.0, values)
    if op == "Mul":
        return values, 0.0
    return (1 / values, 0.0) if op == "Div" and first and np.all(values) else None


def _merged(node: Node) -> Tensor:
    tensors = [node.unflattened(index) for index in range(len(node.inputs))]
    shape = np.broadcast_shapes(*(tensor.shape for tensor in tensors))
    if any(tensor.rank != len(shape) for tensor in tensors):
        shapes = [list(tensor.shape) for tensor in tensors]
        raise ModelError(f"it takes {shapes}; allowed are equally many axes")
    order = max(tensors, key=lambda tensor: tensor.shape == shape).order
    tensors = [tensor.ordered(order, node.aside("moved")) for tensor in tensors]
    values = [tensor.keras for tensor in tensors]
    if node.op in _MERGES:
        return node.of(_MERGES[node.op](name=node.name)(values), tensors[0])
    return node.of(_FUNCTIONS[node.op](*values, name=node.name), tensors[0])
