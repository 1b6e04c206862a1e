# SPDX-License-Identifier: Apache-2.0
"""Arithmetic of two operands, of which one may be a constant, and may be shorter."""

from dataclasses import replace

import numpy as np

from edgecnn.compiler.ir import Quantization
from edgecnn.compiler.reading.onnx.network import Network, Quantized, Value
from edgecnn.compiler.reading.onnx.node import Array
from edgecnn.compiler.reading.onnx.rows._node import UNQUANTIZED, Node, row
from edgecnn.errors import ModelError

_OPS = {"Add": "ADD", "Sum": "ADD", "Sub": "SUB", "Mul": "MUL", "Max": "MAXIMUM", "Min": "MINIMUM"}
_DENSE = ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D")
_FARTHEST = 127
_NEAR = 0.01  # as far as int8 may be from a number that stands in its constant


@row(*_OPS)
def arithmetic(node: Node) -> Value:
    """Make the operator, with a clamp that a Relu behind it may become."""
    if len(node.inputs) != 2:
        raise ModelError(f"it has {len(node.inputs)} operands; 2 are possible")
    if node.op == "Add" and (biased := _biased(node)):
        return biased
    first, second = (_operand(node, index) for index in (0, 1))
    if node.op in ("Max", "Min"):
        first, second = (
            node.network.rescaled(one, node.scaling) if isinstance(one, Value) else _at(one, node.scaling)
            for one in (first, second)
        )
    return computed(node.network, _OPS[node.op], first, second, node.scaling)


@row("Div")
def division(node: Node) -> Value:
    """Make a MUL by one over a constant."""
    divisor = _operand(node, 1)
    if isinstance(divisor, Value) or divisor.integers.size != 1 or not divisor.real.all():
        raise ModelError("it divides by what is no constant number, or 0; one number is possible")
    return multiplied(node.network, node.value(), scalar(1 / float(divisor.real.reshape(()))), node.scaling)


@row("Pow")
def power(node: Node) -> Value:
    """Make a MUL of a value by itself."""
    exponent, value = _operand(node, 1), node.value()
    square = (
        isinstance(exponent, Quantized) and exponent.integers.size == 1 and round(exponent.real.item(), 3)
    )
    if square != 2:
        raise ModelError("its exponent is no constant 2, which is what is possible")
    return computed(node.network, "MUL", value, value, node.scaling)


def scalar(real: float) -> Quantized:
    """Return a number as a constant that int8 holds exactly."""
    scale = np.array([abs(real) / _FARTHEST or 1.0], np.float32)
    integer = np.array(_FARTHEST * np.sign(real), np.int8)
    return Quantized(integer, scale, np.zeros(1, np.int64))


def added(network: Network, value: Value, constant: Quantized, wanted: Quantization) -> Value:
    """Return a value with a constant added, which is rounded by itself."""
    return replace(computed(network, "ADD", value, constant, wanted), pending=False)


def multiplied(network: Network, value: Value, constant: Quantized, wanted: Quantization) -> Value:
    """Return a value times a constant."""
    return computed(network, "MUL", value, constant, wanted)


def computed(
    network: Network, op: str, first: Value | Quantized, second: Value | Quantized, wanted: Quantization
) -> Value:
    """Return what an op makes of two operands, at a scale and zero point."""
    pair = (first, second)
    values = [one for one in pair if isinstance(one, Value)]
    if not values:
        raise ModelError("both of its operands are constants")
    rank = max(len(one.shape) if isinstance(one, Value) else one.integers.ndim for one in pair)
    numbers = [one for one in pair if isinstance(one, Quantized) and one.integers.size == 1]
    # Values that lie alike, and a single number, need no order of axes.
    raw = network.lie_alike(*values) if len(values) == 2 else bool(numbers) and rank <= len(values[0].shape)
    inputs = [_raw(network, one, values[0]) if raw else network.operand(one, rank) for one in pair]
    shapes = [network.tensors[number].shape for number in inputs]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise ModelError(f"it has operands {list(shapes[0])} and {list(shapes[1])}") from error
    options = {} if op in ("MAXIMUM", "MINIMUM") else {"fused_activation_function": 0}
    options |= {"pot_scale_int16": False} if op in ("ADD", "SUB") else {}
    made = network.add(op, inputs, network.tensor(shape, wanted), **options)
    return network.of(made, values[0]) if raw else network.value(made)


def _raw(network: Network, operand: Value | Quantized, like: Value) -> int:
    """Return an operand as it lies; a number with as many axes as another has."""
    if isinstance(operand, Value):
        return operand.tensor
    rank = len(network.tensors[like.tensor].shape)
    return network.constant_of(replace(operand, integers=operand.integers.reshape([1] * rank)), rank)


def _operand(node: Node, index: int) -> Value | Quantized:
    given = node.inputs[index]
    if isinstance(given, np.ndarray) and given.size == 1:
        return scalar(float(given.reshape(())))
    if isinstance(given, np.ndarray):
        raise ModelError(f"input {index} is a constant of {given.size} floats; {UNQUANTIZED}")
    if isinstance(given, Quantized):
        if given.scales.size > 1 or given.integers.dtype not in (np.int8, np.uint8):
            raise ModelError(
                f"input {index} is of {given.integers.dtype} with {given.scales.size} scales; one of int8 or "
                "uint8 is possible"
            )
        return given
    return node.value(index)


def _at(constant: Quantized, wanted: Quantization) -> Quantized:
    """Return a constant in steps of another scale."""
    steps = np.rint(constant.real / wanted.scale) + wanted.zero_point
    scales, points = np.array(wanted.scales, np.float32), np.array(wanted.zero_points)
    return Quantized(np.clip(steps, -128, 127).astype(np.int8), scales, points)


def _biased(node: Node) -> Value | None:
    """Return sums with a constant added to each channel as their bias, where they have none yet."""
    for index in (0, 1):
        value, given = node.inputs[index], node.inputs[1 - index]
        if isinstance(value, Value) and value.pending and isinstance(given, Quantized | np.ndarray):
            real = given.real if isinstance(given, Quantized) else given
            return _with_bias(node, value, np.asarray(real, np.float64))
    return None


def _with_bias(node: Node, value: Value, real: Array) -> Value | None:
    network, maker = node.network, node.network.maker(value)
    if maker is None or maker.op not in _DENSE or not node.alone or len(maker.inputs) < 3:
        return None
    old = network.tensors[maker.inputs[2]]
    axis = 1 if len(value.shape) == 4 else len(value.shape) - 1
    sides = [1] * len(value.shape)
    sides[axis] = value.shape[axis]
    fits = real.size == 1 or real.shape == tuple(sides)[-real.ndim :] if real.ndim <= len(sides) else False
    if old.data is None or old.quantization is None or np.any(old.data) or not fits:
        return None
    steps = np.rint(np.broadcast_to(real.reshape(-1), old.shape) / np.array(old.quantization.scales))
    if not (np.abs(steps) < 1 << 31).all():
        raise ModelError("it adds what 32 bits don't hold in steps of the sums")
    network.tensors[maker.inputs[2]] = replace(old, data=steps.astype(np.int32))
    return value
