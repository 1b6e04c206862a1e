# SPDX-License-Identifier: Apache-2.0
"""What ADD and SUB share: both operands are brought to one scale, with some bits below the point."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.kernel import INT8, INT16, MULTIPLIER, OFFSET, SHIFT, Kernel, Line, serving
from edgecnn.compiler.ops import _broadcast
from edgecnn.compiler.steps import Step
from edgecnn.errors import ModelError

ADD = Kernel(
    "add",
    (
        *_broadcast.LINES,
        Line.shape("int16_t first_sign, second_sign"),
        Line.trained("int32_t first_multiplier, second_multiplier, output_multiplier", limits=MULTIPLIER),
        Line.trained("int16_t first_offset, second_offset", limits=OFFSET),
        Line.trained("int16_t first_shift, second_shift", limits=(-31, 0)),
        Line.trained("int16_t output_shift", limits=SHIFT),
        Line.trained("int16_t output_zero_point, activation_min, activation_max", limits=INT8),
    ),
)
ADD_S16 = ADD.but(
    Line.trained("int16_t activation_min, activation_max", limits=INT16),
    without="first_offset second_offset output_zero_point",
    types="s16",
)

_LEFT_SHIFT = {
    "int8": 20,
    "uint8": 20,
    "int16": 15,
}  # room for fractions of a step before the sum is scaled down again
_MOST_APART = 15  # bits by which TensorFlow Lite shifts int16 as it should
_MOST_EXPONENT = 128 - 20  # of an output scale, which gets that many bits more in float32
_HALF, _ONE = 1 << 30, (1 << 30, 1)  # a multiplier, and with its shift one that changes nothing


@dataclass(frozen=True, kw_only=True)
class AdditionOptions(geometry.Fused):
    """Of ADD and SUB; `pot_scale_int16` asks for shifts where scales of int16 are powers of two."""

    pot_scale_int16: bool


def check(graph: Graph, operator: Operator) -> None:
    """Check types, shapes and the fused activation."""
    _broadcast.check(graph, operator, geometry.INT8_OR_INT16)
    geometry.check_activation(graph, operator)
    if _shifts(graph, operator) is not None:
        _check_shifts(graph, operator)
        return
    check_ranges(graph, operator)


def check_ranges(graph: Graph, operator: Operator) -> None:
    """Check that the output's scale is one that TFLite doesn't end the process for.

    Source: QuantizeMultiplierSmallerThanOneExp of TensorFlow Lite.
    """
    if graph.output(operator).dtype not in _LEFT_SHIFT or _shifts(graph, operator) is not None:
        return
    *_, (_, shift) = _scaling(graph, operator)
    check_proportion(graph, operator, shift, _MOST_EXPONENT)


def check_proportion(graph: Graph, operator: Operator, shift: int, most_exponent: int) -> None:
    """Check that an output's scaling shifts to the right, and its scale is below 2**most_exponent.

    Raises:
        ModelError: TFLite's QuantizeMultiplierSmallerThanOneExp ends the process.
    """
    output_scale = geometry.quantization_of(graph.output(operator)).scale
    if shift > 0 or output_scale >= 2.0**most_exponent:
        what = graph.describe(operator)
        scales = [quantization.scale for quantization in _broadcast.quantizations(graph, operator)]
        raise ModelError(
            f"{what} has input scale {max(scales):.3g} and output scale {output_scale:.3g}, which "
            "TFLite dies of; the scales are out of proportion: train the model first, or convert it anew"
        )


def _shifts(graph: Graph, operator: Operator) -> tuple[int, int] | None:
    """Return by how many bits the operands are shifted where scales of int16 are powers of two; else None.

    That the file has to ask for, by `pot_scale_int16`, as those of LSTM cells do.
    """
    scales = [
        geometry.quantization_of(tensor).scale
        for tensor in (*_operands(graph, operator), graph.output(operator))
    ]
    exponents = [exponent for exponent in map(quant.power_of_two, scales) if exponent is not None]
    told = geometry.options(graph, operator, AdditionOptions)
    asked = told.pot_scale_int16 and graph.output(operator).dtype == "int16"
    if not asked or len(exponents) < len(scales):
        return None
    first, second, output = exponents
    return first - output, second - output


def _operands(graph: Graph, operator: Operator) -> tuple[Tensor, Tensor]:
    first, second = (graph.input(operator, position) for position in _broadcast.order(graph, operator))
    return first, second


def _check_shifts(graph: Graph, operator: Operator) -> None:
    first, second = _operands(graph, operator)
    shifts = _shifts(graph, operator) or ()
    if max(shifts) != 0 or min(shifts) < -_MOST_APART or first.shape != second.shape:
        raise ModelError(
            f"{graph.describe(operator)} has scales that are powers of two, for which TFLite needs operands "
            f"of one shape, scales up to 2**{_MOST_APART} apart, and the larger one to be the output's; "
            "unset its option pot_scale_int16"
        )


def _left_shift(graph: Graph, operator: Operator) -> int:
    return _LEFT_SHIFT[graph.output(operator).dtype]


def _signs(graph: Graph, operator: Operator) -> tuple[int, int]:
    signs = (1, -1 if operator.op == "SUB" else 1)
    first, second = _broadcast.order(graph, operator)
    return signs[first], signs[second]


def _scaling(graph: Graph, operator: Operator) -> tuple[tuple[int, int], ...]:
    """Return (multiplier, shift) of both operands and of the output, as AddPrepare of TensorFlow Lite."""
    shifts = _shifts(graph, operator)
    if shifts is not None:
        return *((_HALF, shift - _left_shift(graph, operator) + 1) for shift in shifts), _ONE
    scales = [quantization.scale for quantization in _broadcast.quantizations(graph, operator)]
    twice = 2 * max(scales)
    output_scale = geometry.quantization_of(graph.output(operator)).scale
    reals = [
        scales[0] / twice,
        scales[1] / twice,
        twice / ((1 << _left_shift(graph, operator)) * output_scale),
    ]
    return tuple(quant.quantize_multiplier(real) for real in reals)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does; of sides of shapes it is their sum."""
    if _broadcast.is_of_shapes(graph, operator):
        sign = -1 if operator.op == "SUB" else 1
        return np.asarray(inputs[0].astype(np.int64) + sign * inputs[1].astype(np.int64))
    *scalings, result = _scaling(graph, operator)
    first, second = (
        sign * quant.requantize(value << _left_shift(graph, operator), *scaling)
        for sign, value, scaling in zip(
            _signs(graph, operator), _broadcast.centred(graph, operator, inputs), scalings, strict=True
        )
    )
    output = graph.output(operator)
    scaled = quant.requantize(first + second, *result) + geometry.quantization_of(output).zero_point
    return np.clip(scaled, *geometry.clamp_range(graph, operator)).astype(output.dtype)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    low, high = geometry.clamp_range(graph, operator)
    kernel = serving(graph.output(operator).dtype, ADD, ADD_S16)
    params = {
        "output_zero_point": geometry.quantization_of(graph.output(operator)).zero_point,
        "activation_min": low,
        "activation_max": high,
    }
    for name, sign, quantization in zip(
        ("first", "second"),
        _signs(graph, operator),
        _broadcast.quantizations(graph, operator),
        strict=True,
    ):
        params |= {f"{name}_sign": sign, f"{name}_offset": -quantization.zero_point}
    for name, (multiplier, shift) in zip(
        ("first", "second", "output"), _scaling(graph, operator), strict=True
    ):
        params |= {f"{name}_multiplier": multiplier, f"{name}_shift": shift}
    return (_broadcast.step(graph, operator, kernel, params),)
