# SPDX-License-Identifier: Apache-2.0
"""SQUARED_DIFFERENCE of two operands, each with a scale of its own: with MEAN it makes variances."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import INT8, MULTIPLIER, OFFSET, Kernel, Line
from edgecnn.compiler.ops import _addition, _broadcast, _channels
from edgecnn.compiler.steps import Step
from edgecnn.compiler.traits import Range

SQUARED_DIFFERENCE = Kernel(
    "squared_difference",
    (
        *_broadcast.LINES,
        Line.trained("int32_t first_multiplier, second_multiplier, output_multiplier", limits=MULTIPLIER),
        Line.trained("int16_t first_offset, second_offset", limits=OFFSET),
        Line.trained("int16_t first_shift, second_shift, output_shift", limits=(-31, 0)),
        Line.trained("int16_t output_zero_point", limits=INT8),
    ),
)

_LEFT_SHIFT = 7  # room for fractions of a step; 32 bits still hold the square
_MOST_EXPONENT = 128 - 2 * _LEFT_SHIFT  # of an output scale, which gets that many bits more in float32

channels = _channels.same
macs, needs = _broadcast.macs, _broadcast.needs
turned = _broadcast.turned


def check(graph: Graph, operator: Operator) -> None:
    """Check types and shapes, and what `check_ranges` does."""
    _broadcast.check(graph, operator)
    check_ranges(graph, operator)


def check_ranges(graph: Graph, operator: Operator) -> None:
    """Check that the output's scale is one that TFLite doesn't end the process for."""
    if graph.output(operator).dtype in geometry.INT8:
        *_, (_, shift) = _scalings(graph, operator)
        _addition.check_proportion(graph, operator, shift, _MOST_EXPONENT)


def _scalings(graph: Graph, operator: Operator) -> tuple[tuple[int, int], ...]:
    """Return (multiplier, shift) of both operands and of the square.

    Source: Prepare of SQUARED_DIFFERENCE in TensorFlow Lite.
    """
    scales = [quantization.scale for quantization in _broadcast.quantizations(graph, operator)]
    twice = 2 * max(scales)
    output_scale = geometry.quantization_of(graph.output(operator)).scale
    reals = (scales[0] / twice, scales[1] / twice, twice * twice / ((1 << 2 * _LEFT_SHIFT) * output_scale))
    return tuple(quant.quantize_multiplier(real) for real in reals)


def range_of(graph: Graph, operator: Operator, inputs: Sequence[Range]) -> Range:
    """Return what each channel can be: between operands that may be equal, and those farthest apart."""
    zero_point = geometry.quantization_of(graph.output(operator)).zero_point
    high = _channels.cornered(graph, operator, inputs).high
    return Range(np.full_like(high, zero_point), high)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    *scalings, result = _scalings(graph, operator)
    first, second = (
        quant.requantize(value << _LEFT_SHIFT, *scaling)
        for value, scaling in zip(_broadcast.centred(graph, operator, inputs), scalings, strict=True)
    )
    scaled = quant.requantize((first - second) ** 2, *result)
    scaled = scaled + geometry.quantization_of(graph.output(operator)).zero_point
    return np.clip(scaled, quant.INT8_MIN, quant.INT8_MAX).astype(np.int8)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    first, second = _broadcast.quantizations(graph, operator)
    params = {
        "first_offset": -first.zero_point,
        "second_offset": -second.zero_point,
        "output_zero_point": geometry.quantization_of(graph.output(operator)).zero_point,
    }
    for name, (multiplier, shift) in zip(
        ("first", "second", "output"), _scalings(graph, operator), strict=True
    ):
        params |= {f"{name}_multiplier": multiplier, f"{name}_shift": shift}
    return (_broadcast.step(graph, operator, SQUARED_DIFFERENCE, params),)
