# SPDX-License-Identifier: Apache-2.0
"""PRELU: x, or below zero x times alpha, which is learned for each channel or each value."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import INT8, MULTIPLIER, OFFSET, SHIFT, Kernel, Line
from edgecnn.compiler.ops import _broadcast
from edgecnn.compiler.steps import Step
from edgecnn.errors import ModelError

PRELU = Kernel(
    "prelu",
    (
        *_broadcast.LINES,
        Line.trained("int32_t multiplier, alpha_multiplier", limits=MULTIPLIER),
        Line.trained("int16_t first_offset, second_offset", limits=OFFSET),
        Line.trained("int16_t shift, alpha_shift", limits=SHIFT),
        Line.trained("int16_t output_zero_point", limits=INT8),
    ),
)

macs, needs = _broadcast.macs, _broadcast.needs
turned = _broadcast.turned


def check(graph: Graph, operator: Operator) -> None:
    """Check types and shapes; what is multiplied is no constant."""
    _broadcast.check(graph, operator)
    if graph.input(operator, 0).data is not None:
        raise ModelError(f"{graph.describe(operator)} has a constant input; only alpha may be one")
    geometry.check_shape(graph, operator, graph.input(operator, 0).shape)
    (_, shift), (_, alpha_shift) = _scalings(graph, operator)
    geometry.check_scaled(graph, operator, 255, shift)
    geometry.check_scaled(graph, operator, 255 * 255, alpha_shift)


def _scalings(graph: Graph, operator: Operator) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (multiplier, shift) of a value and of one times alpha."""
    source, alpha = (geometry.quantization_of(graph.input(operator, position)) for position in (0, 1))
    output_scale = geometry.quantization_of(graph.output(operator)).scale
    return (
        quant.quantize_multiplier(quant.float32_ratio(source.scale, output=output_scale)),
        quant.quantize_multiplier(quant.float32_ratio(source.scale, alpha.scale, output=output_scale)),
    )


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    value, alpha = _broadcast.centred(graph, operator, inputs)
    above, below = _scalings(graph, operator)
    scaled = np.where(value >= 0, quant.requantize(value, *above), quant.requantize(value * alpha, *below))
    output = geometry.quantization_of(graph.output(operator))
    return np.clip(scaled + output.zero_point, quant.INT8_MIN, quant.INT8_MAX).astype(np.int8)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    source, alpha = _broadcast.quantizations(graph, operator)
    (multiplier, shift), (alpha_multiplier, alpha_shift) = _scalings(graph, operator)
    params = {
        "multiplier": multiplier,
        "shift": shift,
        "alpha_multiplier": alpha_multiplier,
        "alpha_shift": alpha_shift,
        "first_offset": -source.zero_point,
        "second_offset": -alpha.zero_point,
        "output_zero_point": geometry.quantization_of(graph.output(operator)).zero_point,
    }
    return (_broadcast.step(graph, operator, PRELU, params),)
