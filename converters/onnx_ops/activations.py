# SPDX-License-Identifier: Apache-2.0
"""Functions of single values and of rows, and normalization by statistics."""

from collections.abc import Callable
from typing import Any

import numpy as np

from edgecnn.converters.onnx_ops._node import Node, row
from edgecnn.converters.onnx_ops._tensor import Tensor
from edgecnn.converters.onnx_ops.convolutions import called
from edgecnn.errors import ModelError
from edgecnn.models._layers import Clip, HardSwish
from edgecnn.tf import keras, tf

L = keras.layers
_ACTIVATIONS = {"Sigmoid": "sigmoid", "Tanh": "tanh", "Softplus": "softplus", "Softsign": "softsign"}
_FUNCTIONS = {
    "Abs": tf.math.abs, "Erf": tf.math.erf, "Exp": tf.math.exp, "Log": tf.math.log, "Neg": tf.math.negative,
    "Reciprocal": tf.math.reciprocal, "Sqrt": tf.math.sqrt,
}  # fmt: skip


def _each(node: Node, layer: Callable[[str], Any]) -> Tensor:
    """Return what a layer, or a function, makes of each value, wherever it lies."""
    tensor = node.tensor()
    return tensor.like(layer(node.name)(tensor.keras))


@row("Identity", "Dropout")
def unchanged(node: Node) -> Tensor:
    """Make nothing: dropping out is of training."""
    if node.has(2) and node.constant(2).any():
        raise ModelError("it drops out while it answers; export the network after .eval()")
    return node.tensor()


@row("Cast")
def cast(node: Node) -> Tensor:
    """Make floats of an image of bytes, and nothing of floats."""
    from onnx import TensorProto as Type

    if node.get("to") not in (Type.FLOAT, Type.FLOAT16, Type.DOUBLE, Type.BFLOAT16):
        raise ModelError("it makes whole numbers of what the image has become; allowed are floats")
    if node.tensor().keras.dtype == tf.float32:
        return node.tensor()
    return _each(node, lambda name: lambda tensor: tf.cast(tensor, tf.float32, name=name))


@row("Relu")
def relu(node: Node) -> Tensor:
    """Make a ReLU."""
    return _each(node, lambda name: L.ReLU(name=name))


@row("LeakyRelu")
def leaky_relu(node: Node) -> Tensor:
    """Make a LeakyReLU."""
    return _each(node, lambda name: L.LeakyReLU(node.get("alpha", 0.01), name=name))


@row("Elu")
def elu(node: Node) -> Tensor:
    """Make an ELU."""
    return _each(node, lambda name: L.ELU(node.get("alpha", 1.0), name=name))


@row("Clip")
def clip(node: Node) -> Tensor:
    """Make a ReLU with a maximum; with other limits, a Clip, a layer of edgecnn's."""
    low, high = _limit(node, "min", 1), _limit(node, "max", 2)
    if low == 0 and (high is None or high > 0):
        return _each(node, lambda name: L.ReLU(high, name=name))
    return _each(node, lambda name: Clip(low, high, name=name))


def _limit(node: Node, name: str, index: int) -> float | None:
    limit = float(node.constant(index, node.get(name, np.inf)).reshape(()))
    return (
        limit if abs(limit) < float(np.finfo(np.float32).max) else None
    )  # exporters mean none by the largest


@row("HardSwish")
def hard_swish(node: Node) -> Tensor:
    """Make a HardSwish, a layer of edgecnn's."""
    return _each(node, lambda name: HardSwish(name=name))


@row("HardSigmoid")
def hard_sigmoid(node: Node) -> Tensor:
    """Make a Rescaling and a ReLU up to 1, for any slope."""
    slope, offset = node.get("alpha", 0.2), node.get("beta", 0.5)
    scaled = _each(node, lambda _: L.Rescaling(slope, offset, name=node.aside("scaled")))
    return scaled.like(L.ReLU(1.0, name=node.name)(scaled.keras))


@row("Gelu")
def gelu(node: Node) -> Tensor:
    """Make an Activation, or, where a tanh approximates it, a function of TensorFlow."""
    if node.get("approximate", "none") == "none":
        return _each(node, lambda name: L.Activation("gelu", name=name))
    return _each(node, lambda name: lambda tensor: tf.nn.gelu(tensor, approximate=True, name=name))


@row(*_ACTIVATIONS)
def activation(node: Node) -> Tensor:
    """Make an Activation."""
    return _each(node, lambda name: L.Activation(_ACTIVATIONS[node.op], name=name))


@row(*_FUNCTIONS)
def function(node: Node) -> Tensor:
    """Call a function of TensorFlow, for which Keras has no layer."""
    return _each(node, lambda name: lambda tensor: _FUNCTIONS[node.op](tensor, name=name))


@row("PRelu")
def prelu(node: Node) -> Tensor:
    """Make a PReLU, whose slopes are learned: one for each channel."""
    tensor, slopes = node.channels_last(), node.constant(1)
    channels = tensor.keras.shape[-1]
    if slopes.size not in (1, channels):
        raise ModelError(f"it has {slopes.size} slopes; allowed is one for each channel")
    layer = L.PReLU(shared_axes=list(range(1, tensor.rank - 1)) or None, name=node.name)
    shape = [*(1 for _ in range(tensor.rank - 2)), channels]
    return node.of(called(layer, tensor.keras, np.broadcast_to(slopes.reshape(-1), shape)), tensor)


@row("Softmax", "LogSoftmax")
def softmax(node: Node) -> Tensor:
    """Make a Softmax over the axis, put last; before opset 13 it is over that axis and all behind it."""
    tensor = node.tensor()
    axis = node.get("axis", 1 if node.opset < 13 else -1) % tensor.rank
    if node.opset < 13 and any(side > 1 for side in tensor.shape[axis + 1 :]):
        raise ModelError(
            f"it is over axis {axis} and those behind it, as before opset 13; allowed is one axis"
        )
    last = tensor.with_last(axis, node.aside("moved"))
    if node.op == "Softmax":
        return last.like(L.Softmax(name=node.name)(last.keras))
    return last.like(tf.nn.log_softmax(last.keras, name=node.name))


@row("BatchNormalization")
def batch_normalization(node: Node) -> Tensor:
    """Make a BatchNormalization over channels, or over columns."""
    tensor = node.channels_last()
    if tensor.rank not in (2, 4) or node.get("training_mode", 0):
        raise ModelError("it is not of images or rows, or in training; export the network after .eval()")
    momentum, epsilon = node.get("momentum", 0.9), node.get("epsilon", 1e-5)
    layer = L.BatchNormalization(momentum=momentum, epsilon=epsilon, name=node.name)
    statistics = [node.constant(index) for index in range(1, 5)]
    return node.of(called(layer, tensor.keras, *statistics), tensor)
