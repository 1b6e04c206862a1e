# SPDX-License-Identifier: Apache-2.0
"""Dense layers, and products of two computed matrices."""

import numpy as np

from edgecnn.compiler.reading.onnx.network import Value
from edgecnn.compiler.reading.onnx.node import Array
from edgecnn.compiler.reading.onnx.rows._node import Node, int8_of, row
from edgecnn.compiler.reading.onnx.rows._weights import bias, reading_twice, scales_along
from edgecnn.errors import ModelError


@row("Gemm")
def gemm(node: Node) -> Value:
    """Make a FULLY_CONNECTED."""
    if node.get("alpha", 1.0) != 1 or node.get("beta", 1.0) != 1 or node.get("transA", 0):
        raise ModelError("it has alpha, beta or transA; allowed are 1, 1 and 0")
    return _dense(node, turned=bool(node.get("transB", 0)))


@row("MatMul")
def matmul(node: Node) -> Value:
    """Make a FULLY_CONNECTED of constant weights, a BATCH_MATMUL of two computed matrices."""
    if isinstance(node.inputs[1], Value):
        return _product(node)
    return _dense(node, turned=False)


def _dense(node: Node, *, turned: bool) -> Value:
    """Return a layer's output; its weights are [out, in] if `turned`, else [in, out]."""
    node = reading_twice(node, len(node.value().shape) - 1, axis=int(turned))
    network, source, weights = node.network, node.value(), node.weights(1)
    integers, scales = int8_of(weights)
    if integers.ndim != 2 or source.shape[-1] != integers.shape[int(turned)]:
        raise ModelError(f"it multiplies {list(source.shape)} by weights {list(integers.shape)}")
    if scales.size > 1 and weights.axis % 2 != int(not turned):
        raise ModelError("it has weights with a scale for each input; one for each output is possible")
    matrix = integers if turned else integers.T
    tensor, matrix = _flat(node, source, matrix)
    inputs = (
        tensor,
        network.constant(matrix, scales_along(scales, 0)),
        bias(node, 2, network.quantization(source), scales, (0, matrix.shape[0])),
    )
    shape = (*source.shape[:-1], matrix.shape[0])
    made = network.tensor(shape, node.scaling)
    options = {"fused_activation_function": 0, "weights_format": 0, "keep_num_dims": len(shape) > 2}
    network.add("FULLY_CONNECTED", inputs, made, **options)
    return Value(made, shape, tuple(range(len(shape))), None, pending=True)


def _flat(node: Node, source: Value, matrix: Array) -> tuple[int, Array]:
    """Return a tensor and the weights for it; those of a flattened image take its values where they lie."""
    network = node.network
    lies = network.tensors[source.tensor]
    if source.view is not None and len(source.shape) == 2 and source.shape[0] == 1 < len(lies.shape):
        numbers = source.view.ravel()
        if numbers.size == lies.size and np.array_equal(np.sort(numbers), np.arange(lies.size)):
            flat = Value(source.tensor, (1, lies.size), (0, 1), np.arange(lies.size).reshape(1, -1))
            return network.ordered(flat), matrix[:, np.argsort(numbers)]
    return network.ordered(source, tuple(range(len(source.shape)))), matrix


def _product(node: Node) -> Value:
    network, pair = node.network, (node.value(0), node.value(1))
    rank = len(pair[0].shape)
    shapes = [value.shape for value in pair]
    if len(shapes[1]) != rank or rank < 2 or shapes[0][:-2] != shapes[1][:-2]:
        raise ModelError(f"it multiplies {list(shapes[0])} by {list(shapes[1])}; equal batches needed")
    plain = tuple(range(rank))
    inputs = [network.ordered(value, plain) for value in pair]
    shape = (*shapes[0][:-1], shapes[1][-1])
    made = network.tensor(shape, node.scaling)
    network.add("BATCH_MATMUL", inputs, made, adj_x=False, adj_y=False, asymmetric_quantize_inputs=False)
    return Value(made, shape, plain, None, pending=True)
