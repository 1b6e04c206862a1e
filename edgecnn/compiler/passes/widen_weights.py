# SPDX-License-Identifier: Apache-2.0
"""Spreads weights of four bits over bytes, and takes away zero points: TensorFlow Lite does so, too.

All passes see a weight in a byte; those of four bits are still of type int4. Less their zero point, weights
that were uint8 may need nine bits, and are then of int16.
"""

from dataclasses import replace

import numpy as np

from edgecnn.compiler import int4, ops, quant
from edgecnn.compiler.geometry import quantization_of
from edgecnn.compiler.ir import ABSENT, Graph, Operator, Tensor
from edgecnn.compiler.ops import fully_connected
from edgecnn.compiler.ops._linear import is_unsigned
from edgecnn.errors import ModelError


def has_narrow_weights(graph: Graph, operator: Operator) -> bool:
    """Tell whether an operator multiplies by weights of four bits."""
    if ops.layout(operator) is None or len(operator.inputs) < 2 or operator.inputs[1] == ABSENT:
        return False
    weights = graph.tensors[operator.inputs[1]]
    return weights.dtype == int4.DTYPE and weights.data is not None and not weights.sparse


def widen_weights(graph: Graph) -> Graph:
    """Return `graph` with int8[shape] as the data of int4 weights, and with zero points of 0.

    Raises:
        ModelError: there are more or fewer int4 than a tensor's shape says.
    """
    narrow = {op.inputs[1]: op for op in graph.operators if has_narrow_weights(graph, op)}
    tensors = (
        _widened(tensor, graph.describe(narrow[number])) if number in narrow else tensor
        for number, tensor in enumerate(graph.tensors)
    )
    return _without_zero_points(replace(graph, tensors=tuple(tensors)) if narrow else graph)


def _without_zero_points(graph: Graph) -> Graph:
    tensors = list(graph.tensors)
    operators = tuple(
        _centred(graph, operator, tensors) if _has_zero_point(graph, operator) else operator
        for operator in graph.operators
    )
    return replace(graph, tensors=tuple(tensors), operators=operators)


def _has_zero_point(graph: Graph, operator: Operator) -> bool:
    """Tell whether weights have a zero point that TensorFlow Lite's kernel takes away.

    Those of convolutions over int8 take none, and expect 0; one that no 8 bits have is for checks to refuse.
    """
    if not (ops.is_a(operator, fully_connected) or is_unsigned(operator)) or len(operator.inputs) < 2:
        return False
    weights = graph.tensors[operator.inputs[1]] if operator.inputs[1] != ABSENT else None
    if weights is None or weights.quantization is None or weights.quantization.per_channel:
        return False
    point = weights.quantization.zero_point
    return (
        weights.dtype in ("int8", int4.DTYPE)
        and weights.data is not None
        and point != 0
        and -128 <= point <= 127
    )


def _centred(graph: Graph, operator: Operator, tensors: list[Tensor]) -> Operator:
    """Return an operator with weights less their zero point, which are appended to `tensors`."""
    weights, quantization = graph.input(operator, 1), quantization_of(graph.input(operator, 1))
    values = np.asarray(weights.data, np.int16) - quantization.zero_point
    kind = np.int8 if values.min() >= quant.INT8_MIN and values.max() <= quant.INT8_MAX else np.int16
    tensors.append(
        replace(
            weights,
            dtype=np.dtype(kind).name,
            data=values.astype(kind),
            quantization=replace(quantization, zero_points=(0,)),
        )
    )
    return replace(operator, inputs=(operator.inputs[0], len(tensors) - 1, *operator.inputs[2:]))


def _widened(tensor: Tensor, what: str) -> Tensor:
    assert tensor.data is not None, "only such come here"
    size = (tensor.size + 1) // 2
    if tensor.data.dtype == np.int8 and tensor.data.shape == tensor.shape:
        return tensor
    if tensor.data.nbytes != size:
        raise ModelError(
            f"{what} has {tensor.data.nbytes} bytes of int4 weights; {tensor.shape} takes {size}"
        )
    return replace(tensor, data=int4.unpacked(tensor.data)[: tensor.size].reshape(tensor.shape))
