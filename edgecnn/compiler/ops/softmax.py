# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX over the channels, in fixed point; over int16 by tables between whose entries it interpolates.

Over int8 there are 256 exponentials, of which a table takes a kilobyte; for a few classes they are computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator, Options, Tensor
from edgecnn.compiler.kernel import MULTIPLIER, Kernel, Line, Params, serving
from edgecnn.compiler.ops._interpolation import looked_up, table_of
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

SOFTMAX = Kernel(
    "softmax",
    (
        Line.shape("int16_t columns, channels"),
        Line.trained(
            "const int32_t *table",
            "exp(-scale * d) with 31 bits below the point, for d = 0, 1, ... 255",
            holds="exponentials",
        ),
    ),
)
SOFTMAX_FEW = Kernel(
    "softmax_few",
    (
        Line.shape("int16_t channels", "16 at most"),
        Line.trained(
            "int32_t multiplier", "of differences, which then have 26 bits below the point", MULTIPLIER
        ),
        Line.trained("int16_t shift", limits=(0, 31)),
        Line.trained("int16_t farthest", "difference that counts", (0, 255)),
    ),
)
SOFTMAX_S16 = SOFTMAX.but(
    Line.trained("int16_t shift", limits=(-31, 15)),
    Line.trained("int32_t multiplier", "of differences, such that -65535 stands for -10", MULTIPLIER),
    Line.table("const int16_t *exponential", "exp(x) from -10 to 0, 15 bits below the point"),
    Line.table("const int16_t *reciprocal", "1 / (1 + x) from 0 to 1"),
    without="table",
    types="s16",
)

_FEW = 16  # values, for which computing exponentials takes fewer bytes and no time to speak of
_DIFFERENCE_BITS = 5  # integer bits of a scaled difference
_SUM_BITS = 12  # integer bits of the sum of exponentials
_MOST_SHIFT = 15  # by which 32 bits hold a difference of 16


@dataclass(frozen=True, kw_only=True)
class SoftmaxOptions(Options):
    """What differences are multiplied by."""

    beta: float


OPTIONS = SoftmaxOptions


def check(graph: Graph, operator: Operator) -> None:
    """Check types and the output's fixed scale."""
    output, what = graph.output(operator), graph.describe(operator)
    geometry.check_types(graph, operator, (graph.input(operator, 0), output), geometry.INT8_OR_INT16)
    quantization, wide = geometry.quantization_of(output), output.dtype == "int16"
    steps, zero_point = (32768, 0) if wide else (256, -128)
    if (quantization.scale, quantization.zero_point) != (1 / steps, zero_point):
        raise ModelError(
            f"{what} has output scale {quantization.scale:.9g} and zero point "
            f"{quantization.zero_point}; TFLite fixes those of {output.dtype} to 1/{steps} and {zero_point}"
        )
    if not output.shape:
        raise ModelError(f"{what} has shape (); at least one dimension, that of the classes, needed")
    if not wide and output.shape[-1] >= 1 << _SUM_BITS:
        raise ModelError(f"{what} has {output.shape[-1]} classes; less than {1 << _SUM_BITS} needed")
    if wide and _wide_scaling(graph, operator)[1] > _MOST_SHIFT:
        raise ModelError(f"{what} has an input scale, times beta, of more than 5; convert the model anew")
    if not wide:
        check_ranges(graph, operator)
    geometry.check_shape(graph, operator, graph.input(operator, 0).shape)


def check_ranges(graph: Graph, operator: Operator) -> None:
    """Check that 8 bits have an input scale that TFLite doesn't end the process for.

    Source: PreprocessSoftmaxScaling and QuantizeMultiplierGreaterThanOne of TensorFlow Lite.
    """
    real = _difference_scale(graph, operator)
    if graph.output(operator).dtype in ("int8", "uint8") and not real > 1:
        scale, beta = geometry.quantization_of(graph.input(operator, 0)).scale, _beta(graph, operator)
        raise ModelError(
            f"{graph.describe(operator)} has input scale {scale:.3g} times beta {beta:g}; TFLite "
            "takes more than 2**-26 (1.49e-08) and dies of less, which untrained models have: train it first"
        )


def macs(graph: Graph, operator: Operator) -> int:
    """Return 0: exponentials come from a table."""
    return 0


def turned(graph: Graph, operator: Operator, tensors: list[Tensor]) -> Operator:
    """Return the operator as it is: it goes over channels."""
    return operator


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read: as many."""
    return height, width


def _beta(graph: Graph, operator: Operator) -> float:
    return geometry.options(graph, operator, SoftmaxOptions).beta


def _difference_scale(graph: Graph, operator: Operator) -> float:
    """Return what a difference of one step is as 5.26 fixed point."""
    scale = geometry.quantization_of(graph.input(operator, 0)).scale
    return min(_beta(graph, operator) * scale * (1 << (31 - _DIFFERENCE_BITS)), (1 << 31) - 1.0)


def _differences(graph: Graph, operator: Operator) -> tuple[int, int, int]:
    """Return (multiplier, shift) of differences, and the farthest that counts."""
    multiplier, shift = quant.quantize_multiplier(_difference_scale(graph, operator))
    return multiplier, shift, min(quant.input_radius(_DIFFERENCE_BITS, max(shift, 0)), 255)


def exponentials(graph: Graph, operator: Operator) -> quant.Int64s:
    """Return exp(-scale * beta * d) as 0.31 fixed point for d = 0, 1, ... 255; 0 beyond those that count."""
    multiplier, shift, farthest = _differences(graph, operator)
    scaled = quant.requantize(-np.arange(farthest + 1, dtype=np.int64), multiplier, shift)
    counting = quant.exp_on_negative_values(scaled, _DIFFERENCE_BITS)
    return np.pad(counting, (0, 255 - farthest))


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    if inputs[0].dtype == np.int16:
        return _wide_reference(graph, operator, inputs)
    table = exponentials(graph, operator)
    source = geometry.cropped(graph, operator, inputs[0]).astype(np.int64)
    difference = source.max(axis=-1, keepdims=True) - source
    exponential = table[difference]
    total = quant.divide_by_power_of_two(exponential, _SUM_BITS).sum(axis=-1, keepdims=True)
    headroom = 32 - np.frompyfunc(int.bit_length, 1, 1)(total).astype(np.int64)
    reciprocal = quant.one_over_one_plus((total << headroom) - (1 << 31))
    exponent = _SUM_BITS - headroom + 31 - 8
    scaled = quant.divide_by_power_of_two(quant.doubling_high_mul(reciprocal, exponential), exponent)
    return np.clip(scaled - 128, -128, 127).astype(np.int8)


def _wide_scaling(graph: Graph, operator: Operator) -> tuple[int, int]:
    """Return (multiplier, shift) of differences of int16 such that -65535 stands for -10."""
    scale = geometry.quantization_of(graph.input(operator, 0)).scale
    return quant.quantize_multiplier(scale * _beta(graph, operator) / (10 / 65535))


@cache
def _wide_tables() -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Return tables of exp(x) from -10 to 0 and of 1 / (1 + x) from 0 to 1."""
    return table_of(np.exp, -10, 0), table_of(lambda real: 1 / (1 + real), 0, 1)


def _wide_reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output over int16 as TFLite's reference kernel does: SoftmaxInt16."""
    exponential_table, reciprocal_table = _wide_tables()
    source = geometry.cropped(graph, operator, inputs[0]).astype(np.int64)
    difference = source - source.max(axis=-1, keepdims=True)
    scaled = quant.requantize(difference, *_wide_scaling(graph, operator))
    exponential = looked_up(np.clip(scaled + 32767, *quant.limits("int16")), exponential_table)
    total = exponential.sum(axis=-1, keepdims=True)
    bits = np.frompyfunc(int.bit_length, 1, 1)(total).astype(np.int64)
    # 1 to 2, less 1, with 16 bits below the point, of which int16 begins at -32768.
    fraction = (((total << (31 - bits)) + (1 << 13)) >> 14) - (1 << 16) - (1 << 15)
    reciprocal = looked_up(np.clip(fraction, *quant.limits("int16")), reciprocal_table)
    output = (exponential * reciprocal + (np.int64(1) << (bits - 2))) >> (bits - 1)
    return np.asarray(np.clip(output, 0, 32767), np.int16)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    _, rows, columns, channels = graph.output(operator).shape
    kernel = serving(graph.output(operator).dtype, SOFTMAX, SOFTMAX_S16)
    params: Params = {"columns": columns, "channels": channels, **_tables(graph, operator)}
    if kernel is SOFTMAX and rows * columns == 1 and channels <= _FEW:
        multiplier, shift, farthest = _differences(graph, operator)
        kernel = SOFTMAX_FEW
        params = {"channels": channels, "multiplier": multiplier, "shift": shift, "farthest": farthest}
    return (Step(operator, kernel, operator.inputs[:1], operator.outputs[0], (Window(1, 1),), rows, params),)


def _tables(graph: Graph, operator: Operator) -> Params:
    if graph.input(operator, 0).dtype == "int16":
        multiplier, shift = _wide_scaling(graph, operator)
        exponential, reciprocal = _wide_tables()
        return {
            "multiplier": multiplier,
            "shift": shift,
            "exponential": exponential,
            "reciprocal": reciprocal,
        }
    return {"table": exponentials(graph, operator).astype(np.int32)}
