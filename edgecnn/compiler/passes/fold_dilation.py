# SPDX-License-Identifier: Apache-2.0
"""Makes one dilated convolution of SPACE_TO_BATCH_ND, a convolution and BATCH_TO_SPACE_ND, as Keras emits it.

Every `block`-th row and column makes an image of its own, and a convolution of each is the same as one with
gaps of `block` in the whole. What SPACE_TO_BATCH_ND pads becomes a PAD, which a later pass makes the
convolution's own padding. Around a Conv1D both are of one dimension, with views between that add another.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, ops
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import (
    _moving,
    batch_to_space_nd,
    expand_dims,
    pad,
    reshape,
    space_to_batch_nd,
    squeeze,
)

_VIEWS = (reshape, expand_dims, squeeze)


@dataclass(frozen=True)
class _Split:
    """A convolution of images that have every `block`-th row and column each.

    Attributes:
        first, middle, last: what splits, the convolution, and what joins.
        views: what is between them.
        source, target: the shapes of what is split and of what is joined, in four dimensions.
        block, paddings, crops: of rows and of columns.
    """

    first: Operator
    middle: Operator
    last: Operator
    views: tuple[Operator, ...]
    source: tuple[int, ...]
    target: tuple[int, ...]
    block: tuple[int, ...]
    paddings: NDArray[np.int64]
    crops: NDArray[np.int64]


def fold_dilation(graph: Graph) -> Graph:
    """Return `graph` with a dilated convolution in place of each three such operators.

    Raises:
        ModelError: a block, padding or crop is no constant.
    """
    tensors = list(graph.tensors)
    folded: dict[int, list[Operator]] = {}
    for last in graph.operators:
        split = _split(graph, last)
        parts = _dilated(graph, split, tensors) if split else []
        if split and parts:
            gone = (split.first, *split.views, split.last)
            folded |= {operator.index: [] for operator in gone} | {split.middle.index: parts}
    operators = (part for op in graph.operators for part in folded.get(op.index, [op]))
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))


def _split(graph: Graph, last: Operator) -> _Split | None:
    """Return the operators of which BATCH_TO_SPACE_ND is the last, with equal blocks."""
    if not ops.is_a(last, batch_to_space_nd):
        return None
    views: list[Operator] = []
    middle = _before(graph, last, views)
    if middle is None or not isinstance(middle.options, geometry.Dilated):
        return None
    first = _before(graph, middle, views)
    if first is None or not ops.is_a(first, space_to_batch_nd):
        return None
    if _moving.integers(graph, first, 1) != _moving.integers(graph, last, 1):
        return None
    return _in_two_dimensions(graph, first, middle, last, tuple(views))


def _before(graph: Graph, operator: Operator, views: list[Operator]) -> Operator | None:
    """Return what makes an operator's input, which nothing else reads, or what a view there is of."""
    maker = graph.producer(operator.inputs[0])
    if maker is not None and ops.is_a(maker, *_VIEWS) and _only_reader(graph, maker):
        views.append(maker)
        maker = graph.producer(maker.inputs[0])
    return maker if maker is not None and _only_reader(graph, maker) else None


def _only_reader(graph: Graph, operator: Operator) -> bool:
    output = operator.outputs[0]
    return len(graph.consumers(output)) == 1 and output not in graph.outputs


def _in_two_dimensions(
    graph: Graph, first: Operator, middle: Operator, last: Operator, views: tuple[Operator, ...]
) -> _Split | None:
    """Return what is split in four dimensions: its lists are of two, or of one with a view on each side."""
    source, target = graph.input(first, 0).shape, graph.output(last).shape
    block = tuple(_moving.integers(graph, first, 1))
    paddings, crops = (np.asarray(geometry.constant(graph, end, 2), np.int64) for end in (first, last))
    if len(source) == len(target) == 3 and len(views) == len(block) + 1 == 2:
        seen = graph.input(middle, 0).shape
        if len(seen) != 4 or 1 not in seen[1:3] or paddings.shape != (1, 2) or crops.shape != (1, 2):
            return None
        at = 1 if seen[1] == 1 else 2  # where a view has added a dimension of 1
        source, target = ((*shape[:at], 1, *shape[at:]) for shape in (source, target))
        block = (1, *block) if at == 1 else (*block, 1)
        paddings, crops = (np.insert(pairs, at - 1, 0, axis=0) for pairs in (paddings, crops))
    elif views:
        return None
    return _Split(first, middle, last, views, source, target, block, paddings, crops)


def _dilated(graph: Graph, split: _Split, tensors: list[Tensor]) -> list[Operator]:
    """Return a PAD and the dilated convolution, or nothing where they would do something else."""
    told, filters = (
        geometry.options(graph, split.middle, geometry.Dilated),
        graph.input(split.middle, 1).shape,
    )
    if told.strides != (1, 1) or told.dilations != (1, 1) or told.padding != "valid":
        return []
    if not len(split.source) == len(split.target) == len(filters) == 4 or len(split.block) != 2:
        return []
    if min(split.block) < 1 or split.paddings.shape != (2, 2) or split.crops.shape != (2, 2):
        return []
    before = (split.paddings - split.crops)[:, 0]
    extents = [(size - 1) * gap + 1 for size, gap in zip(filters[1:3], split.block, strict=True)]
    padded = np.array(split.target[1:3]) + extents - 1
    after = padded - before - split.source[1:3]
    if min(*before, *after) < 0:
        return []
    amounts = np.array([[0, 0], *zip(before, after, strict=True), [0, 0]], np.int32)
    tensors.append(Tensor("", (4, 2), "int32", None, amounts))
    number = len(tensors) - 1
    source, output = split.first.inputs[0], split.last.outputs[0]
    begin, end = [], []
    if split.views:
        flat, source = source, _moving.add_between(tensors, tensors[source], split.source)
        begin.append(_moving.reshaped(split.middle, flat, source))
        output = _moving.add_between(tensors, tensors[output], split.target)
        end.append(_moving.reshaped(split.middle, output, split.last.outputs[0]))
    inside = _moving.add_between(tensors, tensors[source], (1, *padded.tolist(), split.source[3]))
    whole = pad.padded(split.first, source, number, inside)
    options = replace(told, dilation_h=split.block[0], dilation_w=split.block[1])
    inputs = (inside, *split.middle.inputs[1:])
    return [*begin, whole, replace(split.middle, inputs=inputs, outputs=(output,), options=options), *end]
