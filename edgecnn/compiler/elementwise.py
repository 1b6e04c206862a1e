# SPDX-License-Identifier: Apache-2.0
"""Ops from one int8 to another: whatever they compute, in C they are a table of 256 bytes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.steps import Params, Step, Window

Reference = Callable[[Graph, Operator, Sequence[NDArray[Any]]], NDArray[Any]]


def macs(graph: Graph, operator: Operator) -> int:
    """Return 0: a table is read."""
    return 0


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read: as many."""
    return height, width


def lower(graph: Graph, operator: Operator, reference: Reference) -> tuple[Step, ...]:
    """Return one step that looks each value up in what `reference` makes of all 256."""
    _, rows, columns, channels = graph.output(operator).shape
    # In the order of the unsigned byte, so that C needs no offset.
    every = np.arange(256, dtype=np.uint8).view(np.int8)
    params: Params = {"size": columns * channels, "table": reference(graph, operator, [every])}
    return (
        Step(operator, "lookup", operator.inputs[:1], operator.outputs[0], (Window(1, 1),), rows, params),
    )
