# SPDX-License-Identifier: Apache-2.0
"""Activations: limits, which become part of what is limited, and functions of each number or of a row."""

from dataclasses import replace
from typing import Any

import numpy as np

from edgecnn.compiler.geometry import Fused
from edgecnn.compiler.ir import Quantization
from edgecnn.compiler.quant import ACTIVATIONS
from edgecnn.compiler.reading.onnx.network import HIGHEST, LOWEST, Quantized, Value
from edgecnn.compiler.reading.onnx.rows._node import Node, in_steps, row
from edgecnn.compiler.reading.onnx.rows.arithmetic import added, multiplied, scalar
from edgecnn.errors import ModelError

# What TensorFlow Lite fixes output scales to.
_PROBABILITY = Quantization((1 / 256,), (-128,))
_FIXED = {
    "Sigmoid": ("LOGISTIC", _PROBABILITY),
    "Tanh": ("TANH", Quantization((1 / 128,), (0,))),
    "Softmax": ("SOFTMAX", _PROBABILITY),
    "LogSoftmax": ("LOG_SOFTMAX", Quantization((16 / 256,), (127,))),
}
_LEVELS = 255


@row("Relu")
def relu(node: Node) -> Value:
    """Make a limit of 0."""
    return _limited(node, 0.0, None)


@row("Clip")
def clip(node: Node) -> Value:
    """Make limits."""
    low, high = (_limit(node, index, name) for index, name in ((1, "min"), (2, "max")))
    if low is not None and high is not None and low > high:
        raise ModelError(f"it has limits {low:g} and {high:g}; the first must be the lower one")
    return _limited(node, low, high)


def _limit(node: Node, index: int, name: str) -> float | None:
    given = node.inputs[index] if node.has(index) else node.get(name)
    if isinstance(given, Quantized):
        given = given.real
    if isinstance(given, Value):
        raise ModelError(f"input {index} must be a constant")
    return None if given is None else float(np.asarray(given).reshape(()))


def _limited(node: Node, low: float | None, high: float | None) -> Value:
    """Return an input within limits, by the scale of what it is rounded to."""
    value, network = node.moving(), node.network
    if not value.pending:
        value = node.scaled(value)
    quantization = network.quantization(value)
    steps = (
        LOWEST if low is None else in_steps(low, quantization),
        HIGHEST if high is None else in_steps(high, quantization),
    )
    if steps == (LOWEST, HIGHEST):
        return value
    activation = next((name for name, pair in ACTIVATIONS.items() if pair == (low, high)), "")
    if activation and node.alone and value.pending and _fuse(node, value, activation):
        return value
    if activation:
        return replace(network.unary(activation.upper(), value, quantization), pending=value.pending)
    for op, step, end in (("MAXIMUM", steps[0], LOWEST), ("MINIMUM", steps[1], HIGHEST)):
        if step != end:
            tensor = network.tensors[value.tensor]
            limit = network.constant(np.full([1] * len(tensor.shape), step, np.int8), quantization)
            made = network.tensor(tensor.shape, quantization)
            value = network.of(network.add(op, (value.tensor, limit), made), value, pending=value.pending)
    return value


def _fuse(node: Node, value: Value, activation: str) -> bool:
    """Put an activation into the operator that has made a value; say whether there is a place for it."""
    maker = node.network.maker(value)
    if maker is None or not isinstance(maker.options, Fused) or maker.options.activation != "none":
        return False
    if maker.op == "CONCATENATION":
        return False
    operators = node.network.operators
    operators[operators.index(maker)] = replace(maker, options=replace(maker.options, activation=activation))
    return True


@row("LeakyRelu", "Elu", "HardSwish", "Abs", "Gelu", "com.microsoft.Gelu")
def function(node: Node) -> Value:
    """Make an operator that is a table of all numbers."""
    value, op = node.value(), node.op.rpartition(".")[2]
    if op == "Elu" and node.get("alpha", 1.0) != 1:
        raise ModelError(f"it has alpha {node.get('alpha'):g}; 1 is possible")
    words: dict[str, tuple[str, dict[str, Any]]] = {
        "LeakyRelu": ("LEAKY_RELU", {"alpha": float(node.get("alpha", 0.01))}),
        "Elu": ("ELU", {}),
        "HardSwish": ("HARD_SWISH", {}),
        "Abs": ("ABS", {}),
        "Gelu": ("GELU", {"approximate": node.get("approximate", "none") == "tanh"}),
    }
    name, options = words[op]
    return node.network.unary(name, value, node.scaling, **options)


@row("Sigmoid", "Tanh")
def fixed(node: Node) -> Value:
    """Make an operator whose output scale is fixed, and a QUANTIZE where the file has another."""
    op, quantization = _FIXED[node.op]
    return node.scaled(node.network.unary(op, node.value(), quantization))


@row("HardSigmoid")
def hard_sigmoid(node: Node) -> Value:
    """Make of alpha * x + beta, from 0 to 1, an ADD that ends at 0 and 1 / alpha, and a MUL by alpha."""
    alpha, beta = float(node.get("alpha", 0.2)), float(node.get("beta", 0.5))
    if alpha <= 0 or beta <= 0:
        raise ModelError(f"it has alpha {alpha:g} and beta {beta:g}; both must be above 0")
    between = Quantization((float(np.float32(1 / alpha / _LEVELS)),), (LOWEST,))
    moved = added(node.network, node.value(), scalar(beta / alpha), between)
    return multiplied(node.network, moved, scalar(alpha), node.scaling)


@row("PRelu")
def prelu(node: Node) -> Value:
    """Make a PRELU, with a slope for each channel."""
    value, slopes, network = node.value(), node.weights(1), node.network
    rank = len(value.shape)
    if rank != 4 or slopes.scales.size > 1 or slopes.integers.ndim > rank:
        raise ModelError(f"it has slopes {list(slopes.integers.shape)} on {list(value.shape)}")
    shape = (*[1] * (rank - slopes.integers.ndim), *slopes.integers.shape)
    constant = network.constant_of(replace(slopes, integers=slopes.integers.reshape(shape)), rank)
    kept = network.tensors[constant]
    network.tensors[constant] = replace(kept, shape=kept.shape[1:], data=np.asarray(kept.data)[0])
    source = network.ordered(value)
    made = network.tensor(network.tensors[source].shape, node.scaling)
    return network.value(network.add("PRELU", (source, constant), made))


@row("Softmax", "LogSoftmax")
def softmax(node: Node) -> Value:
    """Make a SOFTMAX over the last axis, wherever ONNX has it."""
    value, network = node.value(), node.network
    op, quantization = _FIXED[node.op]
    rank, old = len(value.shape), node.opset < 13
    axis = node.get("axis", 1 if old else -1) % rank
    if old and any(side > 1 for side in value.shape[axis + 1 :]):
        raise ModelError(
            f"it is over axes {axis} to {rank - 1} at once; over one it is possible, as of opset 13"
        )
    order = (*(one for one in range(rank) if one != axis), axis)
    source = network.ordered(value, order)
    made = network.tensor(network.tensors[source].shape, quantization)
    options = {"beta": 1.0} if op == "SOFTMAX" else {}
    tensor = network.add(op, (source,), made, **options)
    return node.scaled(Value(tensor, value.shape, order, None, pending=True))
