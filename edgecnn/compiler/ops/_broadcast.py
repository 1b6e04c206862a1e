# SPDX-License-Identifier: Apache-2.0
"""Ops of two operands, of which one may be a constant, or serve many rows, columns or channels.

A kernel of theirs computes `columns` times `size` values of a row. How far apart the values are that an
operand has for neighbouring columns, and within a column, are fields of its parameters.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator, Quantization, Tensor
from edgecnn.compiler.kernel import Kernel, Line, Params
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

_STRIDES = ("columns", "first_column", "second_column", "first_value", "second_value")
LINES = (
    Line.shape("int32_t columns, size"),
    Line.shape(
        "int16_t first_column, second_column, first_value, second_value", "how far apart; 0: one for all"
    ),
)


def check(graph: Graph, operator: Operator, dtypes: Sequence[str] = geometry.INT8) -> None:
    """Check types, that not both operands are constants, and the output shape that follows from theirs."""
    pair, output = (graph.input(operator, 0), graph.input(operator, 1)), graph.output(operator)
    what, shapes = graph.describe(operator), (pair[0].shape, pair[1].shape)
    geometry.check_types(graph, operator, (*pair, output), dtypes, constants=True)
    if all(tensor.data is not None for tensor in pair):
        raise ModelError(f"{what} has two constants; one operand must be made by an operator")
    if max(map(len, shapes)) > 4:
        raise ModelError(f"{what} has operands {shapes[0]} and {shapes[1]}; 4 dimensions at most")
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise ModelError(
            f"{what} has operands {shapes[0]} and {shapes[1]}; equal lengths or 1 needed in each dimension"
        ) from error
    geometry.check_shape(graph, operator, expected)


def check_same_quantization(graph: Graph, operator: Operator) -> None:
    """Check what `check` does, int16 let by, and that operands and output have one scale and zero point."""
    check(graph, operator, geometry.INT8_OR_INT16)
    of_all = [
        geometry.quantization_of(tensor)
        for tensor in (graph.input(operator, 0), graph.input(operator, 1), graph.output(operator))
    ]
    if len({(quantization.scale, quantization.zero_point) for quantization in of_all}) > 1:
        raise ModelError(
            f"{graph.describe(operator)} has operands and output of different scale or zero point; "
            "equal ones needed"
        )


def macs(graph: Graph, operator: Operator) -> int:
    """Return 0: scalings are not counted."""
    return 0


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of both operands that so many of the output read: as many, or all."""
    return height, width


def turned(graph: Graph, operator: Operator, tensors: list[Tensor]) -> Operator:
    """Return the operator with any constant of rows in the place of columns."""
    inputs = list(operator.inputs)
    for position in (0, 1):
        tensor = graph.input(operator, position)
        if tensor.data is not None:
            data = np.ascontiguousarray(_in_four(tensor).swapaxes(1, 2))
            tensors.append(replace(tensor, shape=data.shape, data=data))
            inputs[position] = len(tensors) - 1
    return replace(operator, inputs=tuple(inputs))


def is_of_shapes(graph: Graph, operator: Operator) -> bool:
    """Say whether both operands are known sides of shapes, of int32 or int64, and so what is made of them."""
    tensors = (*(graph.input(operator, position) for position in (0, 1)), graph.output(operator))
    return all(tensor.dtype in ("int32", "int64") for tensor in tensors) and all(
        tensor.data is not None for tensor in tensors[:2]
    )


def order(graph: Graph, operator: Operator) -> tuple[int, int]:
    """Return the positions of the operands as kernels get them: a constant comes second."""
    return (0, 1) if graph.input(operator, 0).data is None else (1, 0)


def quantizations(graph: Graph, operator: Operator) -> tuple[Quantization, Quantization]:
    """Return the operands' quantization in `order`."""
    first, second = (graph.input(operator, position) for position in order(graph, operator))
    return geometry.quantization_of(first), geometry.quantization_of(second)


def operands(
    graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]
) -> tuple[quant.Int64s, quant.Int64s]:
    """Return both operands in `order`, of the shape of the output or one that NumPy broadcasts to it."""
    given = iter(inputs)
    first, second = (
        _cropped(graph, operator, next(given) if tensor.data is None else _in_four(tensor))
        for tensor in (graph.input(operator, position) for position in order(graph, operator))
    )
    return first, second


def centred(
    graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]
) -> tuple[quant.Int64s, quant.Int64s]:
    """Return both operands minus their zero points, as `operands` does."""
    first, second = operands(graph, operator, inputs)
    of_first, of_second = quantizations(graph, operator)
    return first - of_first.zero_point, second - of_second.zero_point


def _in_four(tensor: Tensor) -> NDArray[Any]:
    value = np.asarray(tensor.data)
    return value.reshape((1,) * (4 - value.ndim) + value.shape)


def _cropped(graph: Graph, operator: Operator, value: NDArray[Any]) -> quant.Int64s:
    output_shape = graph.output(operator).shape
    if value.ndim > len(output_shape):  # a constant beside tensors of fewer dimensions
        value = value.reshape(value.shape[value.ndim - len(output_shape) :])
    return geometry.cropped(graph, operator, value).astype(np.int64)


def step(graph: Graph, operator: Operator, kernel: Kernel, params: Params) -> Step:
    """Return a step that makes one row per firing, its parameters those given and the strides."""
    _, rows, columns, channels = graph.output(operator).shape
    positions = order(graph, operator)
    tensors = [graph.input(operator, position) for position in positions]
    shapes = [(1,) * (4 - len(tensor.shape)) + tensor.shape for tensor in tensors]
    kept = tensors[1].data
    if kept is not None:
        kept = _in_four(tensors[1])[0, :rows, :columns]
        shapes[1] = (1, *kept.shape)
    windows = [Window(1, int(shape[1] > 1)) for shape in shapes]
    inputs = [operator.inputs[position] for position in positions]
    return Step(
        operator,
        kernel,
        tuple(inputs if kept is None else inputs[:1]),
        operator.outputs[0],
        tuple(windows if kept is None else windows[:1]),
        rows,
        kernel.take({**params, **_strides(columns, channels, shapes)}),
        constant=None if kept is None else kept.reshape(len(kept), -1).astype(tensors[1].dtype),
    )


def _strides(columns: int, channels: int, shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    """Return how a row of two operands is gone through, as one column where both allow it."""
    per_column = [shape[3] if shape[2] > 1 else 0 for shape in shapes]
    per_value = [int(shape[3] > 1) for shape in shapes]
    whole = [
        shape[2:] == (1, 1) or (shape[3] == channels and (shape[2] > 1 or columns == 1)) for shape in shapes
    ]
    if all(whole):
        per_column, per_value = [0, 0], [int(shape[2] * shape[3] > 1) for shape in shapes]
        columns, channels = 1, columns * channels
    return {"size": channels, **dict(zip(_STRIDES, (columns, *per_column, *per_value), strict=True))}


def reads_whole_rows(step: Step) -> bool:
    """Tell whether a step takes two whole rows, as kernels do that know no strides."""
    strides = [step.params[name] for name in _STRIDES]
    return strides[0] == 1 and all(strides[3:])
