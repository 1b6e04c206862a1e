# SPDX-License-Identifier: Apache-2.0
"""ADD of two tensors of the same shape, each with a scale of its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

_LEFT_SHIFT = 20  # room for fractions of a step before the sum is scaled down again


def check(graph: Graph, operator: Operator) -> None:
    """Check types, the fused activation and that both shapes are the output's."""
    first, second, made = graph.input(operator, 0), graph.input(operator, 1), graph.output(operator)
    geometry.check_int8(graph, operator, (first, second, made))
    geometry.check_activation(graph, operator)
    if first.data is not None or second.data is not None:
        raise ModelError(
            f"{graph.describe(operator)} adds a constant; only tensors that operators make are supported"
        )
    if first.shape != second.shape:
        raise ModelError(
            f"{graph.describe(operator)} adds {first.shape} and {second.shape}; equal shapes needed"
        )
    geometry.check_shape(graph, operator, first.shape)


def macs(graph: Graph, operator: Operator) -> int:
    """Return 0: scalings are not counted."""
    return 0


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of both inputs that so many of the output read: as many."""
    return height, width


def _scaling(graph: Graph, operator: Operator) -> tuple[tuple[int, int], ...]:
    """Return (multiplier, shift) of both inputs and of the output, as AddPrepare of TensorFlow Lite."""
    scales = [geometry.quantization_of(graph.input(operator, position)).scale for position in (0, 1)]
    twice = 2 * max(scales)
    made = geometry.quantization_of(graph.output(operator)).scale
    reals = [scales[0] / twice, scales[1] / twice, twice / ((1 << _LEFT_SHIFT) * made)]
    return tuple(quant.quantize_multiplier(real) for real in reals)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    first, second, result = _scaling(graph, operator)
    total: Any = 0
    for position, scaling in ((0, first), (1, second)):
        zero_point = geometry.quantization_of(graph.input(operator, position)).zero_point
        centred = geometry.cropped(graph, operator, inputs[position]).astype(np.int64) - zero_point
        total = total + quant.requantize(centred << _LEFT_SHIFT, *scaling)
    scaled = quant.requantize(total, *result) + geometry.quantization_of(graph.output(operator)).zero_point
    return np.clip(scaled, *geometry.clamp_range(graph, operator)).astype(np.int8)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    _, rows, columns, channels = graph.output(operator).shape
    first, second, result = _scaling(graph, operator)
    low, high = geometry.clamp_range(graph, operator)
    params = {
        "size": columns * channels,
        "first_offset": -geometry.quantization_of(graph.input(operator, 0)).zero_point,
        "second_offset": -geometry.quantization_of(graph.input(operator, 1)).zero_point,
        "output_zero_point": geometry.quantization_of(graph.output(operator)).zero_point,
        "activation_min": low,
        "activation_max": high,
    }
    for name, (multiplier, shift) in (("first", first), ("second", second), ("output", result)):
        params |= {f"{name}_multiplier": multiplier, f"{name}_shift": shift}
    window = Window(1, 1)
    return (Step(operator, "add", operator.inputs, operator.outputs[0], (window, window), rows, params),)
