# SPDX-License-Identifier: Apache-2.0
"""A float .tflite file whose weights are stored in fewer bits to one whose weights are float32.

TensorFlow's quantizer takes no other: of float16 it crashes, and int8 weights (dynamic range) it takes for
done. What is stored says exactly which floats are meant.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import dequantize
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.tflite import tflite_bytes

_STORED = ("float16", "int8", "uint8", "int16")  # as what weights may be


def tflite_to_float32(tflite: bytes) -> bytes:
    """Return a file over floats with all its weights of float32; one that has them comes back as it is.

    Raises:
        ModelError: it can't be read, or holds what can't be written anew.
    """
    graph = parse(tflite)
    if not any(map(_is_stored, graph.tensors)):
        return tflite
    return tflite_bytes(_without_conversions(replace(graph, tensors=tuple(map(_floats, graph.tensors)))))


def _is_stored(tensor: Tensor) -> bool:
    """Tell whether a constant stands for floats and is stored as something else."""
    stands = tensor.dtype == "float16" or (tensor.dtype in _STORED and tensor.quantization is not None)
    return tensor.data is not None and not tensor.sparse and stands


def _floats(tensor: Tensor) -> Tensor:
    if not _is_stored(tensor):
        return tensor
    values = np.asarray(tensor.data)
    if tensor.quantization is not None and tensor.dtype != "float16":
        values = _dequantized(tensor, values)
    return replace(tensor, dtype="float32", quantization=None, data=values.astype(np.float32))


def _dequantized(tensor: Tensor, values: NDArray[np.generic]) -> NDArray[np.float64]:
    quantization = tensor.quantization
    assert quantization is not None, "only such come here"
    along = [1] * values.ndim
    if quantization.per_channel:
        along[quantization.axis] = -1
    scales, zero_points = (
        np.array(numbers, np.float64).reshape(along)
        for numbers in (quantization.scales, quantization.zero_points)
    )
    return np.asarray((values.astype(np.float64) - zero_points) * scales)


def _without_conversions(graph: Graph) -> Graph:
    """Return a graph without what made floats of constants, and in which no op is of a later version.

    Versions count what ops learned, such as to multiply floats by int8.
    """
    constants = {i for i, tensor in enumerate(graph.tensors) if tensor.data is not None}
    gone = {
        operator.outputs[0]: operator.inputs[0]
        for operator in graph.operators
        if ops.is_a(operator, dequantize) and operator.inputs[0] in constants
    }
    kept = (operator for operator in graph.operators if operator.outputs[0] not in gone)
    operators = tuple(
        _of_first_version(
            replace(operator, inputs=tuple(gone.get(i, i) for i in operator.inputs), index=number)
        )
        for number, operator in enumerate(kept)
    )
    return replace(graph, operators=operators)


def _of_first_version(operator: Operator) -> Operator:
    if ops.layout(operator) is None:
        return operator
    return replace(operator, stored=replace(operator.stored, version=1))
