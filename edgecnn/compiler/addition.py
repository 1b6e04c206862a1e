# SPDX-License-Identifier: Apache-2.0
"""What ADD and SUB share: both operands are brought to one scale, with some bits below the point."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import broadcast, geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.steps import Step

_LEFT_SHIFT = {"int8": 20, "int16": 15}  # room for fractions of a step before the sum is scaled down again
_FARTHEST = {"int8": 256, "int16": 1 << 15}  # from the zero point


def check(graph: Graph, operator: Operator) -> None:
    """Check types, shapes and the fused activation."""
    broadcast.check(graph, operator, geometry.INT8_OR_INT16)
    geometry.check_activation(graph, operator)
    *_, (_, shift) = _scaling(graph, operator)
    farthest = _FARTHEST[graph.output(operator).dtype]
    geometry.check_scaled(graph, operator, farthest << _left_shift(graph, operator), shift)


def _left_shift(graph: Graph, operator: Operator) -> int:
    return _LEFT_SHIFT[graph.output(operator).dtype]


def _signs(graph: Graph, operator: Operator) -> tuple[int, int]:
    signs = (1, -1 if operator.op == "SUB" else 1)
    first, second = broadcast.order(graph, operator)
    return signs[first], signs[second]


def _scaling(graph: Graph, operator: Operator) -> tuple[tuple[int, int], ...]:
    """Return (multiplier, shift) of both operands and of the output, as AddPrepare of TensorFlow Lite."""
    scales = [quantization.scale for quantization in broadcast.quantizations(graph, operator)]
    twice = 2 * max(scales)
    made = geometry.quantization_of(graph.output(operator)).scale
    reals = [scales[0] / twice, scales[1] / twice, twice / ((1 << _left_shift(graph, operator)) * made)]
    return tuple(quant.quantize_multiplier(real) for real in reals)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    *scalings, result = _scaling(graph, operator)
    first, second = (
        sign * quant.requantize(value << _left_shift(graph, operator), *scaling)
        for sign, value, scaling in zip(
            _signs(graph, operator), broadcast.centred(graph, operator, inputs), scalings, strict=True
        )
    )
    made = graph.output(operator)
    scaled = quant.requantize(first + second, *result) + geometry.quantization_of(made).zero_point
    return np.clip(scaled, *geometry.clamp_range(graph, operator)).astype(made.dtype)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    low, high = geometry.clamp_range(graph, operator)
    params = {
        "output_zero_point": geometry.quantization_of(graph.output(operator)).zero_point,
        "activation_min": low,
        "activation_max": high,
    }
    for name, sign, quantization in zip(
        ("first", "second"),
        _signs(graph, operator),
        broadcast.quantizations(graph, operator),
        strict=True,
    ):
        params |= {f"{name}_sign": sign, f"{name}_offset": -quantization.zero_point}
    for name, (multiplier, shift) in zip(
        ("first", "second", "output"), _scaling(graph, operator), strict=True
    ):
        params |= {f"{name}_multiplier": multiplier, f"{name}_shift": shift}
    return (broadcast.step(graph, operator, "add", params),)
