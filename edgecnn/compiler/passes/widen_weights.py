# SPDX-License-Identifier: Apache-2.0
"""Stores weights of four bits in eight: TensorFlow Lite multiplies by them as if they were int8, too.

Source: UnpackDenseInt4IntoInt8 of TensorFlow Lite; two weights lie in a byte, the first in its low half.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import ops
from edgecnn.compiler.ir import ABSENT, Graph, Operator, Tensor
from edgecnn.errors import ModelError

_NARROW = "int4"


def has_narrow_weights(graph: Graph, operator: Operator) -> bool:
    """Tell whether an operator multiplies by weights of four bits."""
    if ops.layout(operator) is None or len(operator.inputs) < 2 or operator.inputs[1] == ABSENT:
        return False
    weights = graph.tensors[operator.inputs[1]]
    return weights.dtype == _NARROW and weights.data is not None and not weights.sparse


def widen_weights(graph: Graph) -> Graph:
    """Return `graph` with int8 weights in place of int4 ones.

    Raises:
        ModelError: there are more or fewer of them than a tensor's shape says.
    """
    narrow = {op.inputs[1]: op for op in graph.operators if has_narrow_weights(graph, op)}
    tensors = (
        _widened(tensor, graph.describe(narrow[number])) if number in narrow else tensor
        for number, tensor in enumerate(graph.tensors)
    )
    return replace(graph, tensors=tuple(tensors)) if narrow else graph


def _widened(tensor: Tensor, what: str) -> Tensor:
    assert tensor.data is not None, "only such come here"
    packed = np.frombuffer(tensor.data.tobytes(), np.uint8)
    if packed.size != (tensor.size + 1) // 2:
        raise ModelError(
            f"{what} has {packed.size} bytes of int4 weights; {tensor.shape} takes {(tensor.size + 1) // 2}"
        )
    return replace(tensor, dtype="int8", data=unpack(packed)[: tensor.size].reshape(tensor.shape))


def unpack(packed: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Return uint8[n] as the int8[2 * n], each -8..7, that it holds."""
    halves = np.stack([packed << 4, packed & 0xF0], axis=1).view(np.int8)
    return np.asarray(halves >> 4).ravel()
