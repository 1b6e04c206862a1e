# SPDX-License-Identifier: Apache-2.0
"""SPACE_TO_DEPTH: the pixels of a block, row by row, become channels of one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import Kernel, Line, Params
from edgecnn.compiler.ops import _blocks, _moving
from edgecnn.compiler.steps import Step, Window

SPACE_TO_DEPTH = Kernel(
    "space_to_depth",
    (Line.shape("int16_t out_w, block"), Line.shape("int32_t size", "bytes of one row of a block")),
)

OPTIONS = _blocks.BlockOptions
macs = _moving.macs


def check(graph: Graph, operator: Operator) -> None:
    """Check types, equal quantization and shapes."""
    _blocks.check(graph, operator, graph.input(operator, 0).shape, graph.output(operator).shape)


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read."""
    block = _blocks.size(graph, operator)
    return height * block, width * block


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    block, (_, rows, columns, channels) = _blocks.size(graph, operator), graph.output(operator).shape
    inside = inputs[0][0, : rows * block, : columns * block]
    split = inside.reshape(rows, block, columns, block, inside.shape[2])
    return np.asarray(split.transpose(0, 2, 1, 3, 4).reshape(1, rows, columns, channels))


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    block, (_, rows, columns, channels) = _blocks.size(graph, operator), graph.output(operator).shape
    params: Params = {"out_w": columns, "block": block, "size": channels // block}
    window = Window(block, block)
    return (Step(operator, SPACE_TO_DEPTH, operator.inputs, operator.outputs[0], (window,), rows, params),)
