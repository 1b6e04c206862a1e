# SPDX-License-Identifier: Apache-2.0
"""PAD of height and width with the zero point, which stands for 0."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError


def check(graph: Graph, operator: Operator) -> None:
    """Check types, equal quantization, and that only height and width are padded."""
    source = graph.input(operator, 0)
    geometry.check_int8(graph, operator, (source, graph.output(operator)))
    geometry.check_same_quantization(graph, operator)
    paddings = geometry.constant(graph, operator, 1)
    if len(source.shape) != 4 or paddings.shape != (4, 2) or paddings[[0, 3]].any() or paddings.min() < 0:
        raise ModelError(
            f"{graph.describe(operator)} pads {source.shape} by {paddings.tolist()}; "
            "only height and width of 4 dimensions can be padded"
        )
    expected = [size + int(amount) for size, amount in zip(source.shape, paddings.sum(axis=1), strict=True)]
    geometry.check_shape(graph, operator, expected)


def macs(graph: Graph, operator: Operator) -> int:
    """Return 0: values are only moved."""
    return 0


def _before(graph: Graph, operator: Operator) -> tuple[int, int]:
    paddings = geometry.constant(graph, operator, 1)
    return int(paddings[1, 0]), int(paddings[2, 0])


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read."""
    _, in_h, in_w, _ = graph.input(operator, 0).shape
    top, left = _before(graph, operator)
    return max(min(in_h, height - top), 1), max(min(in_w, width - left), 1)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    made = graph.output(operator)
    result = np.full(made.shape, geometry.quantization_of(made).zero_point, np.int8)
    top, left = _before(graph, operator)
    inside = result[:, top : top + inputs[0].shape[1], left : left + inputs[0].shape[2]]
    inside[:] = inputs[0][:, : inside.shape[1], : inside.shape[2]]
    return result


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    _, rows, columns, channels = graph.output(operator).shape
    in_w = graph.input(operator, 0).shape[2]
    top, left = _before(graph, operator)
    inside = max(min(in_w, columns - left), 0)
    params = {
        "before": min(left, columns) * channels,
        "inside": inside * channels,
        "after": (columns - min(left, columns) - inside) * channels,
        "zero_point": geometry.quantization_of(graph.output(operator)).zero_point,
    }
    window = Window(1, 1, -top)
    return (Step(operator, "pad", operator.inputs[:1], operator.outputs[0], (window,), rows, params),)
