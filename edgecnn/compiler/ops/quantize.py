# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE: floats at the model's edge, or one integer to another of another scale or type."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator, Options
from edgecnn.compiler.kernel import INT8, MULTIPLIER, SHIFT, Kernel, Line, Params
from edgecnn.compiler.ops import _channels, _elementwise
from edgecnn.compiler.steps import Step, Window

QUANTIZE_S16 = Kernel(
    "quantize",
    (
        Line.shape("int32_t size"),
        Line.shape("int16_t narrow", "1: to int8"),
        Line.trained("int32_t multiplier", limits=MULTIPLIER),
        Line.trained("int16_t shift", limits=SHIFT),
        Line.trained("int16_t output_zero_point", limits=INT8),
    ),
    types="s16",
    over=("int8", "int16"),
)


@dataclass(frozen=True, kw_only=True)
class QuantizeOptions(Options):
    """Whether values are scaled in float32 and rounded once, as CONCATENATION does over uint8."""

    by_float32: bool = False


OPTIONS = QuantizeOptions
channels, range_of = _channels.same, _channels.looked_up
macs, needs = _elementwise.macs, _elementwise.needs
turned = _elementwise.turned


def check(graph: Graph, operator: Operator) -> None:
    """Check types, shapes and scales; of floats at the model's edges a pass has removed the operator."""
    source, output = graph.input(operator, 0), graph.output(operator)
    geometry.check_shape(graph, operator, source.shape)
    # TensorFlow Lite's kernel makes no int16 of int8.
    geometry.check_types(
        graph, operator, (output,), geometry.INT8 if source.dtype == "int8" else geometry.INT8_OR_INT16
    )
    geometry.check_types(graph, operator, (source,), geometry.INT8_OR_INT16)
    if _by_float32(operator):
        _rescaled_by_float32(graph, operator, np.zeros(1, np.int64))
        return
    geometry.check_scaled(graph, operator, _elementwise.FARTHEST[source.dtype], _scaling(graph, operator)[1])


def _scaling(graph: Graph, operator: Operator) -> tuple[int, int]:
    """Return (multiplier, shift); unlike the scalings of other ops in float64."""
    source, output = graph.input(operator, 0), graph.output(operator)
    real = geometry.quantization_of(source).scale / geometry.quantization_of(output).scale
    return quant.quantize_multiplier(real)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    output = graph.output(operator)
    quantization = geometry.quantization_of(output)
    if inputs[0].dtype == np.float32:
        return quant.quantize(inputs[0], quantization, output.dtype)
    if _by_float32(operator):
        return _rescaled_by_float32(graph, operator, geometry.cropped(graph, operator, inputs[0]))
    value = _elementwise.centred(graph, operator, inputs)
    scaled = quant.requantize(value, *_scaling(graph, operator)) + quantization.zero_point
    return np.clip(scaled, *quant.limits(output.dtype)).astype(output.dtype)


def _by_float32(operator: Operator) -> bool:
    return isinstance(operator.options, QuantizeOptions) and operator.options.by_float32


def _rescaled_by_float32(graph: Graph, operator: Operator, values: NDArray[Any]) -> NDArray[np.int8]:
    """Return int8 at the output's scale, computed as ConcatenationWithScaling of TensorFlow Lite does.

    Raises:
        ModelError: 32 bits don't hold what some value becomes.
    """
    source, output = (
        geometry.quantization_of(tensor) for tensor in (graph.input(operator, 0), graph.output(operator))
    )
    with np.errstate(over="ignore", invalid="ignore"):  # a scale may be near either end of float32
        scale = np.float32(source.scale) * (np.float32(1) / np.float32(output.scale))
        bias = np.float32(-(source.zero_point + 128)) * scale
        steps = np.arange(256).astype(np.float32) * scale + bias
    if not (np.abs(steps) < 1 << 30).all():
        raise geometry.out_of_proportion(graph, operator)
    rounded = quant.round_all(steps.astype(np.float64)) + output.zero_point
    table = np.clip(rounded, quant.INT8_MIN, quant.INT8_MAX).astype(np.int8)
    return np.asarray(table[values.astype(np.intp) + 128])


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing, by a table where there are 256 values."""
    if graph.input(operator, 0).dtype == "int8":
        return _elementwise.lower(graph, operator)
    output = graph.output(operator)
    _, rows, columns, channels = output.shape
    multiplier, shift = _scaling(graph, operator)
    params: Params = {
        "size": columns * channels,
        "multiplier": multiplier,
        "shift": shift,
        "output_zero_point": geometry.quantization_of(output).zero_point,
        "narrow": int(output.dtype == "int8"),
    }
    return (
        Step(operator, QUANTIZE_S16, operator.inputs[:1], operator.outputs[0], (Window(1, 1),), rows, params),
    )
