# SPDX-License-Identifier: Apache-2.0
"""Makes one dilated convolution of SPACE_TO_BATCH_ND, a convolution and BATCH_TO_SPACE_ND, as Keras emits it.

Every `block`-th row and column makes an image of its own, and a convolution of each is the same as one with
gaps of `block` in the whole. What SPACE_TO_BATCH_ND pads becomes a PAD, which a later pass makes the
convolution's own padding.
"""

from dataclasses import replace

import numpy as np

from edgecnn.compiler import geometry, ops
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import _moving, batch_to_space_nd, pad, space_to_batch_nd


def fold_dilation(graph: Graph) -> Graph:
    """Return `graph` with a dilated convolution in place of each three such operators.

    Raises:
        ModelError: a block, padding or crop is no constant.
    """
    tensors = list(graph.tensors)
    folded: dict[int, list[Operator]] = {}
    for last in graph.operators:
        trio = _trio(graph, last)
        if trio is None:
            continue
        parts = _dilated(graph, trio, tensors)
        if parts:
            folded |= {trio[0].index: [], trio[1].index: parts, trio[2].index: []}
    operators = (part for op in graph.operators for part in folded.get(op.index, [op]))
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))


def _trio(graph: Graph, last: Operator) -> tuple[Operator, Operator, Operator] | None:
    """Return the three operators of which BATCH_TO_SPACE_ND is the last, with equal blocks."""
    if not ops.is_a(last, batch_to_space_nd):
        return None
    middle = graph.producer(last.inputs[0])
    if middle is None or not isinstance(middle.options, geometry.Dilated) or not _only_reader(graph, middle):
        return None
    first = graph.producer(middle.inputs[0])
    if first is None or not ops.is_a(first, space_to_batch_nd) or not _only_reader(graph, first):
        return None
    if _moving.integers(graph, first, 1) != _moving.integers(graph, last, 1):
        return None
    return first, middle, last


def _only_reader(graph: Graph, operator: Operator) -> bool:
    made = operator.outputs[0]
    return len(graph.consumers(made)) == 1 and made not in graph.outputs


def _dilated(
    graph: Graph, trio: tuple[Operator, Operator, Operator], tensors: list[Tensor]
) -> list[Operator]:
    """Return a PAD and the dilated convolution, or nothing where they would do something else."""
    first, middle, last = trio
    source, made, filters = graph.input(first, 0), graph.output(last), graph.input(middle, 1)
    told = geometry.options(graph, middle, geometry.Dilated)
    if told.strides != (1, 1) or told.dilations != (1, 1) or told.padding != "valid":
        return []
    if not len(source.shape) == len(made.shape) == len(filters.shape) == 4:
        return []
    block = _moving.integers(graph, first, 1, 2)
    paddings, crops = geometry.constant(graph, first, 2), geometry.constant(graph, last, 2)
    if min(block) < 1 or paddings.shape != (2, 2) or crops.shape != (2, 2):
        return []
    before = (paddings - crops)[:, 0]
    extents = [(size - 1) * gap + 1 for size, gap in zip(filters.shape[1:3], block, strict=True)]
    padded = np.array(made.shape[1:3]) + extents - 1
    after = padded - before - source.shape[1:3]
    if min(*before, *after) < 0:
        return []
    amounts = np.array([[0, 0], *zip(before, after, strict=True), [0, 0]], np.int32)
    tensors.append(Tensor("", (4, 2), "int32", None, amounts))
    inside = _moving.add_between(tensors, source, (1, *padded.tolist(), source.shape[3]))
    whole = pad.padded(first, first.inputs[0], len(tensors) - 2, inside)
    options = replace(told, dilation_h=block[0], dilation_w=block[1])
    inputs = (inside, *middle.inputs[1:])
    return [whole, replace(middle, inputs=inputs, outputs=last.outputs, options=options)]
