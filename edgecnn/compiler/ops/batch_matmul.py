# SPDX-License-Identifier: Apache-2.0
"""BATCH_MATMUL of two computed matrices, or of one by a constant, each of which may be turned.

Attention makes its scores by it. By a constant matrix it is a FULLY_CONNECTED, whose kernels are faster.
TensorFlow Lite's reference kernel of version 2.14 goes astray where the first operand is turned and the
second is one for several.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator, Options, Tensor
from edgecnn.compiler.kernel import INT8, MULTIPLIER, OFFSET, SHIFT, Kernel, Line, Params
from edgecnn.compiler.ops import _broadcast, fully_connected
from edgecnn.compiler.ops.fully_connected import FullyConnectedOptions
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

BATCH_MATMUL = Kernel(
    "batch_matmul",
    (
        Line.shape("int16_t out_h, out_w, taps"),
        Line.shape(
            "int32_t first_y, first_x, first_tap, second_y, second_x, second_tap",
            "how far apart values of the operands lie; 0: one for all",
        ),
        Line.trained("int32_t multiplier", limits=MULTIPLIER),
        Line.trained("int16_t first_offset, second_offset", limits=OFFSET),
        Line.trained("int16_t shift", limits=SHIFT),
        Line.trained("int16_t output_zero_point", limits=INT8),
    ),
)

_LARGEST = 255 * 255  # product
MAKES_WHOLE = True  # a matrix, not some of its columns


@dataclass(frozen=True, kw_only=True)
class BatchMatmulOptions(Options):
    """Which of the operands are turned: their rows are columns."""

    adj_x: bool
    adj_y: bool


OPTIONS = BatchMatmulOptions


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return a FULLY_CONNECTED where the second operand is a constant matrix with zero point 0."""
    told, weights = _told(graph, operator), graph.optional_input(operator, 1)
    if weights is None or weights.data is None or weights.quantization is None or told.adj_x:
        return [operator]
    if weights.size != np.prod(weights.shape[-2:]) or set(weights.quantization.zero_points) != {0}:
        return [operator]
    matrix = np.asarray(weights.data).reshape(weights.shape[-2:])
    kept = np.ascontiguousarray(matrix if told.adj_y else matrix.T)
    tensors.append(replace(weights, shape=kept.shape, data=kept))
    dense = replace(
        operator,
        op="FULLY_CONNECTED",
        inputs=(operator.inputs[0], len(tensors) - 1),
        options=FullyConnectedOptions(activation="none", weights_format=0),
    )
    return fully_connected.rewrite(replace(graph, tensors=tuple(tensors)), dense, tensors)


def _told(graph: Graph, operator: Operator) -> BatchMatmulOptions:
    return geometry.options(graph, operator, BatchMatmulOptions)


def unlike_reference(graph: Graph, operator: Operator) -> str:
    """Return why TFLite's reference kernel isn't followed; empty where it is."""
    shapes = [graph.input(operator, position).shape for position in (0, 1)]
    if (
        _told(graph, operator).adj_x
        and len(shapes[0]) > 2
        and np.prod(shapes[1][:-2]) < np.prod(shapes[0][:-2])
    ):
        return "its reference kernel in 2.14 goes astray where one matrix serves several that are turned"
    return ""


def check(graph: Graph, operator: Operator) -> None:
    """Check types, that the matrices fit each other, and that 32 bits hold the results."""
    pair, output = [graph.input(operator, position) for position in (0, 1)], graph.output(operator)
    geometry.check_types(graph, operator, (*pair, output), constants=True)
    what, shapes = graph.describe(operator), [tensor.shape for tensor in pair]
    if all(tensor.data is not None for tensor in pair):
        raise ModelError(f"{what} has two constants; one operand must be made by an operator")
    if not all(2 <= len(shape) <= 4 for shape in shapes):
        raise ModelError(f"{what} has operands {shapes[0]} and {shapes[1]}; 2 to 4 dimensions needed")
    first, second = (_turned(graph, operator, position) for position in (0, 1))
    batches = [shape[:-2] for shape in shapes]
    try:
        batch = np.broadcast_shapes(*batches)
    except ValueError as error:
        raise ModelError(f"{what} has operands {shapes[0]} and {shapes[1]}; equal batches needed") from error
    if first[1] != second[0]:
        raise ModelError(
            f"{what} multiplies {first} by {second}; the columns of the first must be the rows of the second"
        )
    geometry.check_shape(graph, operator, (*batch, first[0], second[1]))
    geometry.check_scaled(graph, operator, _LARGEST * first[1], _scaling(graph, operator)[1])


def _turned(graph: Graph, operator: Operator, position: int) -> tuple[int, int]:
    """Return the rows and columns of an operand as it is multiplied."""
    told = _told(graph, operator)
    rows, columns = graph.input(operator, position).shape[-2:]
    return (columns, rows) if (told.adj_x, told.adj_y)[position] else (rows, columns)


def _scaling(graph: Graph, operator: Operator) -> tuple[int, int]:
    """Return (multiplier, shift). Source: GetQuantizedConvolutionMultipler of TensorFlow Lite."""
    first, second = (geometry.quantization_of(graph.input(operator, position)) for position in (0, 1))
    product = geometry.float32_product(graph, operator, first.scale, second.scale)
    return quant.quantize_multiplier(product / geometry.quantization_of(graph.output(operator)).scale)


def macs(graph: Graph, operator: Operator) -> int:
    """Return the multiplications of one inference."""
    return graph.output(operator).size * _turned(graph, operator, 0)[1]


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of both operands that so many of the output read: all of them."""
    return geometry.MOST, geometry.MOST


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    told, given, output = _told(graph, operator), iter(inputs), graph.output(operator)
    operands = []
    for position, turned in enumerate((told.adj_x, told.adj_y)):
        tensor = graph.input(operator, position)
        value = next(given) if tensor.data is None else np.asarray(tensor.data)
        centred = value.astype(np.float64) - geometry.quantization_of(tensor).zero_point
        operands.append(centred.swapaxes(-1, -2) if turned else centred)
    total = (operands[0] @ operands[1]).astype(np.int64).reshape(output.shape)
    scaled = quant.requantize(total, *_scaling(graph, operator))
    scaled = scaled + geometry.quantization_of(output).zero_point
    return np.clip(scaled, quant.INT8_MIN, quant.INT8_MAX).astype(np.int8)


def _steps(graph: Graph, operator: Operator, position: int) -> tuple[int, int, int]:
    """Return how far apart values of an operand lie for rows, columns and taps of the output."""
    told, (_, width) = _told(graph, operator), graph.input(operator, position).shape[-2:]
    across = (1, width) if (told.adj_x, told.adj_y)[position] else (width, 1)
    return (across[0], 0, across[1]) if position == 0 else (0, across[1], across[0])


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one matrix per firing."""
    output, order = graph.output(operator), _broadcast.order(graph, operator)
    tensors = [graph.input(operator, position) for position in order]
    multiplier, shift = _scaling(graph, operator)
    params: Params = {
        "out_h": output.shape[2],
        "out_w": output.shape[3],
        "taps": _turned(graph, operator, 0)[1],
        "multiplier": multiplier,
        "shift": shift,
        "output_zero_point": geometry.quantization_of(output).zero_point,
    }
    for name, position, tensor in zip(("first", "second"), order, tensors, strict=True):
        y, x, tap = _steps(graph, operator, position)
        params = {**params, f"{name}_y": y, f"{name}_x": x, f"{name}_tap": tap}
        params = {**params, f"{name}_offset": -geometry.quantization_of(tensor).zero_point}
    shapes = [(1,) * (4 - len(tensor.shape)) + tensor.shape for tensor in tensors]
    windows = tuple(Window(1, int(shape[1] > 1)) for shape in shapes)
    kept = tensors[1].data
    inputs = tuple(operator.inputs[position] for position in order)
    return (
        Step(
            operator,
            BATCH_MATMUL,
            inputs if kept is None else inputs[:1],
            operator.outputs[0],
            windows if kept is None else windows[:1],
            output.shape[1],
            params,
            macs=macs(graph, operator),
            constant=None if kept is None else np.asarray(kept).reshape(shapes[1][1], -1),
        ),
    )
