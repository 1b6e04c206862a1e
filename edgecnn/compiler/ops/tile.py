# SPDX-License-Identifier: Apache-2.0
"""TILE so many times: a GATHER along each axis that is repeated, or a constant."""

import numpy as np

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import _moving, gather
from edgecnn.errors import ModelError

LITERT_STEPS = None  # a pass has made something else of it
macs = _moving.macs


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the GATHERs; none where a constant is repeated.

    Raises:
        ModelError: it is not said by a constant how often, or what is made is too large.
    """
    source, output = graph.input(operator, 0), graph.output(operator)
    times = _moving.integers(graph, operator, 1, len(source.shape))
    if min(times, default=1) < 1 or output.size > geometry.MOST_VALUES:
        raise ModelError(
            f"{graph.describe(operator)} repeats {source.shape} {times} times; 1 or more, and at most "
            f"{geometry.MOST_VALUES} values are supported"
        )
    shape = tuple(length * count for length, count in zip(source.shape, times, strict=True))
    geometry.check_shape(graph, operator, shape)
    if source.data is not None:
        tensors[operator.outputs[0]] = Tensor(
            output.name, output.shape, source.dtype, output.quantization, np.tile(source.data, times)
        )
        return []
    taken = [np.tile(np.arange(length), count) for length, count in zip(source.shape, times, strict=True)]
    return gather.along_axes(graph, operator, taken, tensors)
