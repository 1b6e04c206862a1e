# SPDX-License-Identifier: Apache-2.0
"""Products of matrices: dense layers."""

import numpy as np

from edgecnn.converters.onnx_ops._node import Node, row
from edgecnn.converters.onnx_ops._tensor import Array, Tensor
from edgecnn.converters.onnx_ops.convolutions import called
from edgecnn.errors import ModelError
from edgecnn.tf import keras, tf

L = keras.layers


@row("Gemm")
def general_product(node: Node) -> Tensor:
    """Make a Dense layer."""
    tensor, weights = node.tensor(), node.constant(1)
    if node.get("transA", 0) or tensor.rank != 2 or weights.ndim != 2:
        raise ModelError(f"it takes {tensor.shape} and {weights.shape}; allowed are rows and weights")
    kernel = (weights.T if node.get("transB", 0) else weights) * node.get("alpha", 1.0)
    bias = node.constant(2, np.zeros(0)) * node.get("beta", 1.0)
    if bias.size not in (0, 1, kernel.shape[1]):
        raise ModelError(f"it adds {bias.shape}; allowed is a number for each of {kernel.shape[1]} columns")
    return _dense(node, kernel, np.broadcast_to(bias.reshape(-1), kernel.shape[1:]) if bias.size else bias)


def _dense(node: Node, kernel: Array, bias: Array) -> Tensor:
    """Make a Dense layer of rows; its weights are put into the order in which Keras flattens an image."""
    tensor = node.tensor()
    if (columns := tensor.columns()) is not None:
        kernel = kernel[columns]
        tensor = Tensor.of(L.Flatten(name=node.aside("rows"))(tensor.keras), tensor.shape[0])
    layer = L.Dense(kernel.shape[1], use_bias=bias.size > 0, name=node.name)
    return node.of(called(layer, tensor.keras, kernel, bias), tensor)


@row("MatMul")
def product(node: Node) -> Tensor:
    """Make a Dense layer of a product with weights; of two tensors, a function of TensorFlow."""
    tensor = node.tensor()
    if isinstance(node.inputs[1], Tensor):
        left, right = node.natural(0), node.natural(1)
        return Tensor.of(tf.linalg.matmul(left.keras, right.keras, name=node.name), left.shape[0])
    weights = node.constant(1)
    if weights.ndim != 2:
        raise ModelError(f"it has weights {weights.shape}; allowed are two axes")
    if tensor.rank == 2:
        return _dense(node, weights, np.zeros(0))
    last = tensor.with_last(-1, node.aside("moved"))
    layer = L.Dense(weights.shape[1], use_bias=False, name=node.name)
    return node.of(called(layer, last.keras, weights), last)
