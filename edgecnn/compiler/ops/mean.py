# SPDX-License-Identifier: Apache-2.0
"""MEAN over height and width: global average pooling with a scale of its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError


def check(graph: Graph, operator: Operator) -> None:
    """Check types, and that the axes are height and width of a 4-dimensional input."""
    source = graph.input(operator, 0)
    geometry.check_int8(graph, operator, (source, graph.output(operator)))
    axes = geometry.constant(graph, operator, 1).reshape(-1).tolist()
    if len(source.shape) != 4 or sorted(axis % 4 for axis in axes) != [1, 2]:
        raise ModelError(
            f"{graph.describe(operator)} averages axes {axes} of input {source.shape}; "
            "only 1 and 2 of 4 are supported"
        )
    if graph.output(operator).size != source.shape[3]:
        raise ModelError(f"{graph.describe(operator)} makes {graph.output(operator).shape} of {source.shape}")


def macs(graph: Graph, operator: Operator) -> int:
    """Return 0: there are only sums, and a scaling for each channel."""
    return 0


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input: all of them."""
    _, in_h, in_w, _ = graph.input(operator, 0).shape
    return in_h, in_w


def _scaling(graph: Graph, operator: Operator) -> tuple[int, int]:
    """Return multiplier and shift, with the division by the number of elements in them.

    Source: QuantizedMeanOrSum of TensorFlow Lite.
    """
    source, made = graph.input(operator, 0), graph.output(operator)
    real = geometry.quantization_of(source).scale / geometry.quantization_of(made).scale
    multiplier, shift = quant.quantize_multiplier(real)
    count = source.shape[1] * source.shape[2]
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << extra) // count, shift - extra


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    source = inputs[0][0].astype(np.int64)
    zero_point = geometry.quantization_of(graph.input(operator, 0)).zero_point
    total = (source - zero_point).sum(axis=(0, 1))
    scaled = quant.requantize(quant.wrap(total), *_scaling(graph, operator))
    made = graph.output(operator)
    result = np.clip(scaled + geometry.quantization_of(made).zero_point, -128, 127)
    return result.astype(np.int8).reshape(made.shape)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return a step that takes all rows at once, and one that takes each as it comes."""
    _, rows, columns, channels = graph.input(operator, 0).shape
    multiplier, shift = _scaling(graph, operator)
    params = {
        "columns": columns,
        "channels": channels,
        "bias": -rows * columns * geometry.quantization_of(graph.input(operator, 0)).zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "output_zero_point": geometry.quantization_of(graph.output(operator)).zero_point,
    }

    def step(rows_at_once: int) -> Step:
        parts = rows // rows_at_once
        return Step(
            operator,
            "mean",
            operator.inputs[:1],
            operator.outputs[0],
            (Window(rows_at_once, 0, inner=rows_at_once),),
            parts,
            params | {"rows": rows_at_once, "parts": parts},
            group=parts,
            scratch=0 if parts == 1 else 4 * channels,
            arguments=("part", "sums"),
        )

    return (step(rows),) if rows == 1 else (step(rows), step(1))
