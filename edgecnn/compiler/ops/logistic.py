# SPDX-License-Identifier: Apache-2.0
"""LOGISTIC: 1 / (1 + exp(-x)) in fixed point."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import elementwise, geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.steps import Step
from edgecnn.errors import ModelError

macs, needs = elementwise.macs, elementwise.needs

_INTEGER_BITS = 4


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


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    source = geometry.quantization_of(graph.input(operator, 0))
    fraction, shift = math.frexp(source.scale * (1 << (31 - _INTEGER_BITS)))
    multiplier = quant.round_half_away(fraction * 2**31)
    radius = quant.input_radius(_INTEGER_BITS, shift)
    centred = geometry.cropped(graph, operator, inputs[0]).astype(np.int64) - source.zero_point
    inside = np.clip(centred, -radius, radius)
    exact = quant.logistic(quant.requantize(inside, multiplier, shift), _INTEGER_BITS)
    result = np.clip(quant.divide_by_power_of_two(exact, 31 - 8) - 128, -128, 127)
    result = np.where(centred <= -radius, -128, np.where(centred >= radius, 127, result))
    return result.astype(np.int8)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    return elementwise.lower(graph, operator, reference)
