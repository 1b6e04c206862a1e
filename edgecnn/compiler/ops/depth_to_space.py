# SPDX-License-Identifier: Apache-2.0
"""DEPTH_TO_SPACE: channels of one pixel become the pixels of a block, row by row."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import Kernel, Line, Params
from edgecnn.compiler.ops import _blocks, _moving
from edgecnn.compiler.steps import Step, Window

DEPTH_TO_SPACE = Kernel("depth_to_space", (Line.shape("int16_t out_w, channels, block"),))

OPTIONS = _blocks.BlockOptions
macs = _moving.macs


def check(graph: Graph, operator: Operator) -> None:
    """Check types, equal quantization and shapes."""
    _blocks.check(graph, operator, graph.output(operator).shape, graph.input(operator, 0).shape)


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read."""
    block = _blocks.size(graph, operator)
    return -(-height // block), -(-width // block)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    block, (_, rows, columns, channels) = _blocks.size(graph, operator), graph.output(operator).shape
    _, in_h, in_w, _ = inputs[0].shape
    split = inputs[0].reshape(in_h, in_w, block, block, channels)
    whole = split.transpose(0, 2, 1, 3, 4).reshape(1, in_h * block, in_w * block, channels)
    return np.asarray(whole[:, :rows, :columns])


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    block, (_, rows, columns, channels) = _blocks.size(graph, operator), graph.output(operator).shape
    params: Params = {"out_w": columns, "channels": channels, "block": block}
    window = Window(1, 0, firsts=tuple(row // block for row in range(rows)))
    return (
        Step(
            operator,
            DEPTH_TO_SPACE,
            operator.inputs,
            operator.outputs[0],
            (window,),
            rows,
            params,
            arguments=("row",),
        ),
    )
