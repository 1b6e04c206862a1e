# SPDX-License-Identifier: Apache-2.0
"""Ops from one int8 to another: whatever they compute, in C they are a table of 256 bytes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, ops, quant
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.kernel import Kernel, Line, Params
from edgecnn.compiler.steps import Step, Window

LOOKUP = Kernel(
    "lookup",
    (Line.shape("int32_t size"), Line.trained("const int8_t *table", "by the value as an unsigned byte")),
)

Float32s = NDArray[np.float32]
FARTHEST = {"int8": 255, "int16": 1 << 15}  # that a value is from the zero point


def check(graph: Graph, operator: Operator, dtypes: Sequence[str] = geometry.INT8) -> None:
    """Check types, and that both shapes are the same."""
    geometry.check_types(graph, operator, (graph.input(operator, 0), graph.output(operator)), dtypes)
    geometry.check_shape(graph, operator, graph.input(operator, 0).shape)


def check_rescaled(
    graph: Graph,
    operator: Operator,
    *factors: float,
    bounds: Sequence[float] = (),
    dtypes: Sequence[str] = geometry.INT8,
) -> None:
    """Check what `check` does, and that 32 bits hold inputs times `factors`, and bounds, in output steps."""
    check(graph, operator, dtypes)
    _, shift = scaling(graph, operator, *factors)
    geometry.check_scaled(graph, operator, FARTHEST[graph.input(operator, 0).dtype], shift)
    geometry.check_bounds(graph, operator, *bounds)


def macs(graph: Graph, operator: Operator) -> int:
    """Return 0: a table is read."""
    return 0


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read: as many."""
    return height, width


def turned(graph: Graph, operator: Operator, tensors: list[Tensor]) -> Operator:
    """Return the operator as it is: it knows no rows and columns."""
    return operator


def centred(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> quant.Int64s:
    """Return the input minus its zero point."""
    source = geometry.quantization_of(graph.input(operator, 0))
    value = geometry.cropped(graph, operator, inputs[0])
    return np.asarray(value.astype(np.int64) - source.zero_point)


def scaling(graph: Graph, operator: Operator, *factors: float) -> tuple[int, int]:
    """Return (multiplier, shift) from the input's scale times `factors` to the output's."""
    source, output = (
        geometry.quantization_of(tensor) for tensor in (graph.input(operator, 0), graph.output(operator))
    )
    return quant.quantize_multiplier(quant.float32_ratio(source.scale, *factors, output=output.scale))


def rescaled(graph: Graph, operator: Operator, value: quant.Int64s, *factors: float) -> quant.Int64s:
    """Return `value`, of the input's scale times `factors`, as steps of the output's, not yet clamped."""
    output = geometry.quantization_of(graph.output(operator))
    return quant.requantize(value, *scaling(graph, operator, *factors)) + output.zero_point


def clamped(
    graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]], low: float | None, high: float | None
) -> NDArray[np.int8]:
    """Compute x clamped to real bounds, to the output's scale: QuantizedReluX of TensorFlow Lite."""
    scaled = rescaled(graph, operator, centred(graph, operator, inputs))
    output = geometry.quantization_of(graph.output(operator))
    return np.clip(scaled, *quant.clamp_range(low, high, output)).astype(np.int8)


def through_float32(
    graph: Graph,
    operator: Operator,
    inputs: Sequence[NDArray[Any]],
    transform: Callable[[Float32s], Float32s],
) -> NDArray[np.int8]:
    """Compute by a table of all 256 values in float32, rounded half away from zero: LUTPopulate of TFLite.

    Raises:
        ModelError: 32 bits don't hold one of them.
    """
    source = geometry.quantization_of(graph.input(operator, 0))
    output = geometry.quantization_of(graph.output(operator))
    every = np.arange(quant.INT8_MIN, quant.INT8_MAX + 1)
    with np.errstate(over="ignore", invalid="ignore"):  # a scale may be near either end of float32
        real = np.float32(source.scale) * (every - source.zero_point).astype(np.float32)
        steps = transform(real) * (np.float32(1) / np.float32(output.scale))
    if not (np.abs(steps) < 1 << 30).all():  # in C++, making such floats or none at all whole is undefined
        raise geometry.out_of_proportion(graph, operator)
    rounded = quant.round_all(steps.astype(np.float64))
    table = np.clip(rounded + output.zero_point, quant.INT8_MIN, quant.INT8_MAX).astype(np.int8)
    return np.asarray(table[geometry.cropped(graph, operator, inputs[0]).astype(np.intp) - quant.INT8_MIN])


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that looks each value up in what the op's reference makes of all 256."""
    _, rows, columns, channels = graph.output(operator).shape
    # In the order of the unsigned byte, so that C needs no offset.
    every = np.arange(256, dtype=np.uint8).view(np.int8)
    table = ops.require(graph, operator).reference(graph, operator, [every])
    params: Params = {"size": columns * channels, "table": table}
    return (Step(operator, LOOKUP, operator.inputs[:1], operator.outputs[0], (Window(1, 1),), rows, params),)
