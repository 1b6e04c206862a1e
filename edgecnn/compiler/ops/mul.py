# SPDX-License-Identifier: Apache-2.0
"""MUL of two operands, each with a scale of its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import INT8, INT16, MULTIPLIER, OFFSET, SHIFT, Kernel, Line, serving
from edgecnn.compiler.ops import _broadcast, _channels
from edgecnn.compiler.steps import Step

MUL = Kernel(
    "mul",
    (
        *_broadcast.LINES,
        Line.trained("int32_t multiplier", limits=MULTIPLIER),
        Line.trained("int16_t first_offset, second_offset", limits=OFFSET),
        Line.trained("int16_t shift", limits=SHIFT),
        Line.trained("int16_t output_zero_point, activation_min, activation_max", limits=INT8),
    ),
)
MUL_S16 = MUL.but(
    Line.trained("int16_t activation_min, activation_max", limits=INT16),
    without="first_offset second_offset output_zero_point",
    types="s16",
)

_LARGEST = {"int8": 255 * 255, "int16": 1 << 30}  # product

channels, range_of = _channels.same, _channels.cornered
OPTIONS = geometry.Fused
macs, needs, known = _broadcast.macs, _broadcast.needs, _broadcast.is_of_shapes
turned = _broadcast.turned


def check(graph: Graph, operator: Operator) -> None:
    """Check types, shapes and the fused activation."""
    _broadcast.check(graph, operator, geometry.INT8_OR_INT16)
    geometry.check_activation(graph, operator)
    geometry.check_scaled(
        graph, operator, _LARGEST[graph.output(operator).dtype], _scaling(graph, operator)[1]
    )


def _scaling(graph: Graph, operator: Operator) -> tuple[int, int]:
    first, second = (geometry.quantization_of(graph.input(operator, position)) for position in (0, 1))
    output = geometry.quantization_of(graph.output(operator))
    return quant.quantize_multiplier(quant.float32_ratio(first.scale, second.scale, output=output.scale))


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does; of sides of shapes it is their product."""
    if _broadcast.is_of_shapes(graph, operator):
        return np.asarray(inputs[0].astype(np.int64) * inputs[1])
    first, second = _broadcast.centred(graph, operator, inputs)
    scaled = quant.requantize(first * second, *_scaling(graph, operator))
    output = graph.output(operator)
    scaled = scaled + geometry.quantization_of(output).zero_point
    return np.clip(scaled, *geometry.clamp_range(graph, operator)).astype(output.dtype)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    first, second = _broadcast.quantizations(graph, operator)
    multiplier, shift = _scaling(graph, operator)
    low, high = geometry.clamp_range(graph, operator)
    kernel = serving(graph.output(operator).dtype, MUL, MUL_S16)
    params = {
        "multiplier": multiplier,
        "shift": shift,
        "first_offset": -first.zero_point,
        "second_offset": -second.zero_point,
        "output_zero_point": geometry.quantization_of(graph.output(operator)).zero_point,
        "activation_min": low,
        "activation_max": high,
    }
    return (_broadcast.step(graph, operator, kernel, params),)
