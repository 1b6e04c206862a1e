# SPDX-License-Identifier: Apache-2.0
"""BROADCAST_TO a shape that a constant says: a GATHER along each axis of 1 that becomes longer."""

import numpy as np

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import _moving, gather
from edgecnn.errors import ModelError

LITERT_STEPS = None  # a pass has made something else of it
macs = _moving.macs


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the GATHERs, behind a RESHAPE where the output has more dimensions.

    Raises:
        ModelError: the shape is no constant, or is none that this input can be broadcast to.
    """
    source, made = graph.input(operator, 0), graph.output(operator)
    wanted = tuple(_moving.integers(graph, operator, 1))
    before = (1,) * (len(wanted) - len(source.shape)) + source.shape
    fits = len(before) == len(wanted) and all(
        a in (1, b) and b > 0 for a, b in zip(before, wanted, strict=True)
    )
    if not fits or np.prod(wanted) > geometry.MOST_VALUES:
        raise ModelError(
            f"{graph.describe(operator)} makes {wanted} of {source.shape}, which is no broadcast"
        )
    geometry.check_shape(graph, operator, wanted)
    parts, given = [], operator
    if before != source.shape:
        between = _moving.add_between(tensors, made, before)
        parts = [_moving.reshaped(operator, operator.inputs[0], between)]
        given = Operator(operator.op, operator.index, (between,), operator.outputs)
    taken = [np.zeros(b, int) if a != b else np.arange(b) for a, b in zip(before, wanted, strict=True)]
    seen = Graph(tuple(tensors), (given,), graph.inputs, graph.outputs)
    return [*parts, *gather.along_axes(seen, given, taken, tensors)]
