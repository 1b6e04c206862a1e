# SPDX-License-Identifier: Apache-2.0
"""Makes int8 of uint8: 128 less in every value and zero point, which stand for the same real numbers.

TensorFlow Lite's kernels for uint8 compute what those for int8 do, but for a few, which round or scale in
another way. Their operators get the option `unsigned`.
"""

from dataclasses import fields, replace

import numpy as np

from edgecnn.compiler import ops
from edgecnn.compiler.geometry import quantization_of
from edgecnn.compiler.ir import ABSENT, Graph, Operator, Tensor
from edgecnn.compiler.ops import quantize
from edgecnn.errors import ModelError

_OFFSET = 128  # from int8 to uint8
_QUANTIZED = ("uint8", "int8", "int16", "int4")


def as_int8(graph: Graph) -> Graph:
    """Return `graph` over int8 where it is over uint8; without any it comes back as it is.

    Raises:
        ModelError: an operator has uint8 beside another type, or a zero point that no uint8 has.
    """
    if not any(map(_is_unsigned, graph.tensors)):
        return graph
    operators = tuple(_over_int8(graph, operator) for operator in graph.operators)
    variables = tuple(replace(one, initial=_signed(one.initial)) for one in graph.variables)
    tensors = tuple(map(_signed, graph.tensors))
    return replace(graph, tensors=tensors, operators=operators, variables=variables)


def _is_unsigned(tensor: Tensor) -> bool:
    return tensor.dtype == "uint8" and tensor.quantization is not None and not tensor.sparse


def _signed(tensor: Tensor) -> Tensor:
    if not _is_unsigned(tensor):
        return tensor
    quantization = quantization_of(tensor)
    zero_points = tuple(zero_point - _OFFSET for zero_point in quantization.zero_points)
    data = None
    if tensor.data is not None:
        data = np.asarray(tensor.data.view(np.uint8) ^ np.uint8(_OFFSET), np.uint8).view(np.int8)
    quantization = replace(quantization, zero_points=zero_points)
    return replace(tensor, dtype="int8", quantization=quantization, data=data)


def _over_int8(graph: Graph, operator: Operator) -> Operator:
    numbers = (*operator.inputs, *operator.outputs)
    ends = [graph.tensors[i] for i in numbers if i != ABSENT and graph.tensors[i].dtype in _QUANTIZED]
    if not any(map(_is_unsigned, ends)) or ops.is_a(operator, quantize):
        return operator
    types = dict.fromkeys(tensor.dtype for tensor in ends)
    if len(types) > 1:
        raise ModelError(
            f"{graph.describe(operator)} has tensors of {' and '.join(types)}; one type needed: "
            "convert the model anew"
        )
    if "unsigned" in (field.name for field in fields(operator.options)):
        return replace(operator, options=replace(operator.options, unsigned=True))  # type: ignore[call-arg]
    return operator
