# SPDX-License-Identifier: Apache-2.0
"""REVERSE_V2: values along some axes from the last to the first, a GATHER along each."""

import numpy as np

from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import _moving, gather

LITERT_STEPS = None  # a pass has made something else of it
macs = _moving.macs


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the GATHERs.

    Raises:
        ModelError: the axes are no constant, or there is none such.
    """
    shape = graph.input(operator, 0).shape
    given = _moving.integers(graph, operator, 1)
    axes = {_moving.axis_from_end(graph, operator, axis, len(shape)) for axis in given}
    taken = [np.arange(length) for length in shape]
    for axis in axes:
        taken[axis] = taken[axis][::-1]
    return gather.along_axes(graph, operator, taken, tensors)
