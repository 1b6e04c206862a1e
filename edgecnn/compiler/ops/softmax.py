# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX over the channels, in fixed point."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.steps import Params, Step, Window
from edgecnn.errors import ModelError

_DIFFERENCE_BITS = 5  # integer bits of a scaled difference
_SUM_BITS = 12  # integer bits of the sum of exponentials


def check(graph: Graph, operator: Operator) -> None:
    """Check types and the output's fixed scale of 1/256."""
    made = graph.output(operator)
    geometry.check_int8(graph, operator, (graph.input(operator, 0), made))
    quantization = geometry.quantization_of(made)
    if quantization.scale != 1 / 256 or quantization.zero_point != -128:
        raise ModelError(
            f"{graph.describe(operator)} has output scale {quantization.scale:.9g} and zero point "
            f"{quantization.zero_point}; TFLite fixes them to 1/256 and -128"
        )
    if made.shape[-1] >= 1 << _SUM_BITS:
        raise ModelError(
            f"{graph.describe(operator)} has {made.shape[-1]} classes; less than {1 << _SUM_BITS} needed"
        )
    geometry.check_shape(graph, operator, graph.input(operator, 0).shape)


def macs(graph: Graph, operator: Operator) -> int:
    """Return 0: exponentials come from a table."""
    return 0


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read: as many."""
    return height, width


def exponentials(graph: Graph, operator: Operator) -> quant.Int64s:
    """Return exp(-scale * beta * d) as 0.31 fixed point for d = 0, 1, ... up to the last that counts."""
    beta = float(operator.options.get("beta", 1.0))
    scale = geometry.quantization_of(graph.input(operator, 0)).scale
    real = min(beta * scale * (1 << (31 - _DIFFERENCE_BITS)), (1 << 31) - 1.0)
    multiplier, shift = quant.quantize_multiplier(real)
    largest = min(quant.input_radius(_DIFFERENCE_BITS, max(shift, 0)), 255)
    scaled = quant.requantize(-np.arange(largest + 1, dtype=np.int64), multiplier, shift)
    return quant.exp_on_negative_values(scaled, _DIFFERENCE_BITS)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    table = exponentials(graph, operator)
    source = geometry.cropped(graph, operator, inputs[0]).astype(np.int64)
    difference = source.max(axis=-1, keepdims=True) - source
    counts = difference < table.size
    exponential = np.where(counts, table[np.minimum(difference, table.size - 1)], 0)
    total = quant.divide_by_power_of_two(exponential, _SUM_BITS).sum(axis=-1, keepdims=True)
    headroom = 32 - np.frompyfunc(int.bit_length, 1, 1)(total).astype(np.int64)
    reciprocal = quant.one_over_one_plus((total << headroom) - (1 << 31))
    exponent = _SUM_BITS - headroom + 31 - 8
    scaled = quant.divide_by_power_of_two(quant.doubling_high_mul(reciprocal, exponential), exponent)
    return np.where(counts, np.clip(scaled - 128, -128, 127), -128).astype(np.int8)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    _, rows, columns, channels = graph.output(operator).shape
    table = exponentials(graph, operator)
    params: Params = {
        "columns": columns,
        "channels": channels,
        "table_size": table.size,
        "table": table.astype(np.int32),
    }
    return (
        Step(operator, "softmax", operator.inputs[:1], operator.outputs[0], (Window(1, 1),), rows, params),
    )
