# SPDX-License-Identifier: Apache-2.0
"""What SPLIT, SPLIT_V and UNPACK share: each output is a SLICE."""

from collections.abc import Sequence

from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import _moving
from edgecnn.errors import ModelError


def slices(
    graph: Graph, operator: Operator, tensors: list[Tensor], source: int, axis: int, outputs: Sequence[int]
) -> list[Operator]:
    """Return the SLICEs that make the tensors `made`, side by side along an axis that counts from the end.

    One that nobody reads is left out.

    Raises:
        ModelError: they don't fill the source.
    """
    shape, parts, at = graph.tensors[source].shape, [], 0
    unread = {i for i in operator.outputs if not graph.consumers(i)}.difference(graph.outputs)
    for number in outputs:
        begin = [0] * len(shape)
        begin[axis] = at
        if number not in unread:
            parts.append(_moving.sliced(operator, source, number, begin, tensors))
        at += tensors[number].shape[axis] if -axis <= len(tensors[number].shape) else 0
    if at != shape[axis]:
        raise ModelError(
            f"{graph.describe(operator)} makes {at} along axis {axis} of {shape}; {shape[axis]} needed"
        )
    return parts
