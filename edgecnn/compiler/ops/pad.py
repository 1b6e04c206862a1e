# SPDX-License-Identifier: Apache-2.0
"""PAD with the zero point, which stands for 0, and PADV2 with any constant."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.kernel import ANY, INT8, Kernel, Line, Params
from edgecnn.compiler.ops import _channels, _moving
from edgecnn.compiler.steps import Step, Window
from edgecnn.compiler.traits import Range
from edgecnn.errors import ModelError

PAD = Kernel(
    "pad",
    (
        Line.shape("int32_t size", "bytes of a row"),
        Line.shape("int32_t before", "of them before the first copy of the input's"),
        Line.shape("int32_t copies, bytes", "how many there are, and the bytes of each"),
        Line.shape("int32_t stride", "from one to the next"),
        Line.trained("int32_t value", limits=INT8),
    ),
    over=ANY,
)

macs, channels = _moving.macs, _channels.same


def check(graph: Graph, operator: Operator) -> None:
    """Check types, equal quantization, and that the batch is not padded."""
    _moving.check(graph, operator, geometry.INT8_OR_INT16)
    shape, paddings = graph.input(operator, 0).shape, geometry.constant(graph, operator, 1)
    right = paddings.shape == (len(shape), 2) and paddings.dtype.kind == "i"
    if not right or paddings.min() < 0 or (len(shape) > 1 and paddings[0].any()):
        raise ModelError(
            f"{graph.describe(operator)} pads {shape} by {paddings.tolist()}; "
            "two numbers from 0 on for each dimension, none for the batch, needed"
        )
    expected = [size + int(amount) for size, amount in zip(shape, paddings.sum(axis=1), strict=True)]
    geometry.check_shape(graph, operator, expected)
    value(graph, operator)


def before(graph: Graph, operator: Operator) -> list[int]:
    """Return how many rows, columns and channels are put before the input's."""
    amounts = geometry.constant(graph, operator, 1)[-3:, 0].tolist()
    return [0] * (3 - len(amounts)) + [int(amount) for amount in amounts]


def value(graph: Graph, operator: Operator) -> int:
    """Return what is padded with."""
    wanted = geometry.quantization_of(graph.output(operator))
    if operator.op == "PAD":
        return wanted.zero_point
    number, given = geometry.constant(graph, operator, 2), graph.input(operator, 2).quantization
    alike = given is not None and (given.scale, given.zero_point) == (wanted.scale, wanted.zero_point)
    if number.dtype != np.int8 or number.size != 1 or not alike:
        raise ModelError(
            f"{graph.describe(operator)} pads with no int8 number of its output's scale and zero point"
        )
    return int(number.reshape(-1)[0])


def padded(operator: Operator, source: int, amounts: int, output: int) -> Operator:
    """Return a PAD of one tensor to another, as a part of `operator`."""
    return Operator("PAD", operator.index, (source, amounts), (output,))


def turned(graph: Graph, operator: Operator, tensors: list[Tensor]) -> Operator:
    """Return a PAD of rows in the place of columns."""
    given = geometry.constant(graph, operator, 1)
    amounts = np.zeros((4, 2), given.dtype)
    amounts[4 - len(given) :] = given
    tensors.append(replace(graph.input(operator, 1), shape=(4, 2), data=amounts[[0, 2, 1, 3]]))
    return replace(operator, inputs=(operator.inputs[0], len(tensors) - 1, *operator.inputs[2:]))


def range_of(graph: Graph, operator: Operator, inputs: Sequence[Range]) -> Range:
    """Return the range of the input, and of what is padded with."""
    filled = value(graph, operator)
    return Range(np.minimum(inputs[0].low, filled), np.maximum(inputs[0].high, filled))


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read."""
    top, left, _ = before(graph, operator)
    return max(height - top, 1), max(width - left, 1)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    result = np.full(graph.output(operator).shape, value(graph, operator), inputs[0].dtype)
    amounts = before(graph, operator)[-result.ndim :]
    amounts = [0] * (result.ndim - len(amounts)) + amounts
    inside = result[tuple(slice(a, a + n) for a, n in zip(amounts, inputs[0].shape, strict=True))]
    inside[:] = inputs[0][tuple(slice(length) for length in inside.shape)]
    return result


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    _, rows, columns, channels = graph.output(operator).shape
    _, _, in_w, in_c = graph.input(operator, 0).shape
    top, left, front = before(graph, operator)
    inside = max(min(in_w, columns - left), 0)
    copies = (inside, in_c) if in_c < channels else (1, inside * in_c)
    itemsize = graph.output(operator).itemsize
    params: Params = {
        "size": itemsize * columns * channels,
        "before": itemsize * (min(left, columns) * channels + front),
        "copies": copies[0],
        "bytes": itemsize * copies[1],
        "stride": itemsize * channels,
        "value": value(graph, operator),
    }
    window = Window(1, 1, -top)
    return (Step(operator, PAD, operator.inputs[:1], operator.outputs[0], (window,), rows, params),)
