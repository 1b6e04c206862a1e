# SPDX-License-Identifier: Apache-2.0
"""Makes basic operators of a TRANSPOSE between RESHAPEs to more than four dimensions and back.

So shuffled channels are written (`reshape(h, w, 2, c / 2)`, turned, and flattened), and pixels that become
channels or come from them. What goes where follows from numbering all values: if that is what a GATHER of
channels, a DEPTH_TO_SPACE or a SPACE_TO_DEPTH does, they do it; else a TRANSPOSE of as few axes as there are
that stay together.
"""

from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import (
    _moving,
    batch_matmul,
    depth_to_space,
    expand_dims,
    gather,
    pack,
    reshape,
    space_to_depth,
    squeeze,
    transpose,
    unpack,
)
from edgecnn.compiler.ops._blocks import BlockOptions

_VIEWS = (reshape, expand_dims, squeeze)
_MOST = 1 << 23  # values that are numbered
_RANK = 4
_LARGEST_BLOCK = 16

Numbers = NDArray[np.int64]


def fold_views(graph: Graph) -> Graph:
    """Return `graph` with views of views as one, and turns that no kernel does as basic operators."""
    graph = _with_time_second(_in_four_dimensions(graph))
    graph = replace(graph, operators=tuple(_of_first(graph, operator) for operator in graph.operators))
    graph = _without_unread(graph)
    for operator in graph.operators:
        if ops.is_a(operator, transpose) and _is_turn(graph, operator):
            graph = _turned(graph, operator)
    return graph


def _in_four_dimensions(graph: Graph) -> Graph:
    """Return `graph` with products of matrices [n, h, w] over [1, n, h, w], by views around them."""
    tensors, operators = list(graph.tensors), []
    for operator in graph.operators:
        numbers = (*operator.inputs, *operator.outputs)
        if not ops.is_a(operator, batch_matmul) or any(len(tensors[i].shape) != _RANK - 1 for i in numbers):
            operators.append(operator)
            continue
        *inputs, output = (_with_batch(tensors, i) for i in numbers)
        pairs = zip(operator.inputs, inputs, strict=True)
        operators += [_moving.reshaped(operator, i, seen) for i, seen in pairs if tensors[i].data is None]
        operators.append(replace(operator, inputs=tuple(inputs), outputs=(output,)))
        operators += [_moving.reshaped(operator, output, operator.outputs[0])]
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))


def _with_time_second(graph: Graph) -> Graph:
    """Return `graph` with steps of time of [t, 1, c], as unrolled layers take and make them, of [1, t, c]."""
    tensors, operators = list(graph.tensors), []
    for operator in graph.operators:
        whole = operator.inputs[0] if ops.is_a(operator, unpack) else operator.outputs[0]
        told, shape = operator.options, tensors[whole].shape
        steps = isinstance(told, unpack.UnpackOptions | pack.PackOptions) and told.axis in (0, -len(shape))
        if not steps or len(shape) != _RANK - 1 or shape[1] != 1 or tensors[whole].data is not None:
            operators.append(operator)
            continue
        seen = _moving.add_between(tensors, tensors[whole], (1, shape[0], shape[2]))
        other = replace(told, axis=1)  # type: ignore[call-arg]
        if ops.is_a(operator, unpack):
            view = _moving.reshaped(operator, whole, seen)
            operators += [view, replace(operator, inputs=(seen,), options=other)]
        else:
            view = _moving.reshaped(operator, seen, whole)
            operators += [replace(operator, outputs=(seen,), options=other), view]
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))


def _with_batch(tensors: list[Tensor], number: int) -> int:
    """Return a tensor of the same values with one dimension more in front; a constant's are there at once."""
    tensor = tensors[number]
    if tensor.data is None:
        return _moving.add_between(tensors, tensor, (1, *tensor.shape))
    tensors.append(replace(tensor, shape=(1, *tensor.shape), data=np.asarray(tensor.data)[np.newaxis]))
    return len(tensors) - 1


def _of_first(graph: Graph, operator: Operator) -> Operator:
    """Return a view of what the views before it are of."""
    if not _is_view(graph, operator):
        return operator
    source = _viewed(graph, operator.inputs[0])
    same = source == operator.inputs[0]
    return operator if same else _moving.reshaped(operator, source, operator.outputs[0])


def _is_view(graph: Graph, operator: Operator) -> bool:
    """Tell whether an operator gives the same values another shape; one of another size is refused later."""
    return ops.is_a(operator, *_VIEWS) and graph.input(operator, 0).size == graph.output(operator).size


def _viewed(graph: Graph, number: int) -> int:
    """Return what a tensor is a view of that has a shape which no kernel takes."""
    maker = graph.producer(number)
    while maker is not None and _is_view(graph, maker) and _is_odd(graph.tensors[number].shape):
        number = maker.inputs[0]
        maker = graph.producer(number)
    return number


def _is_odd(shape: tuple[int, ...]) -> bool:
    """Tell whether kernels have no place for a shape: theirs are a batch of 1 and up to three dimensions."""
    return len(shape) > _RANK or (len(shape) > _RANK - 2 and shape[0] != 1)


def _without_unread(graph: Graph) -> Graph:
    read = {i for operator in graph.operators for i in operator.inputs}.union(graph.outputs)
    kept = (
        operator
        for operator in graph.operators
        if operator.outputs[0] in read
        or not ops.is_a(operator, *_VIEWS)
        or not _is_odd(graph.output(operator).shape)
    )
    return replace(graph, operators=tuple(kept))


def _is_turn(graph: Graph, operator: Operator) -> bool:
    """Tell whether a TRANSPOSE is of a shape that no kernel takes, or moves the batch."""
    if len(operator.inputs) < 2 or graph.tensors[operator.inputs[1]].data is None:
        return False
    order, shape = np.asarray(graph.tensors[operator.inputs[1]].data).ravel(), graph.input(operator, 0).shape
    if sorted(order.tolist()) != list(range(len(shape))) or not 0 < graph.input(operator, 0).size <= _MOST:
        return False
    output = tuple(shape[axis] for axis in order)
    return output == graph.output(operator).shape and (_is_odd(shape) or order[0] != 0)


def _turned(graph: Graph, operator: Operator) -> Graph:
    """Return a graph with what does the same as a TRANSPOSE and the views around it."""
    source, last = _viewed(graph, operator.inputs[0]), operator
    readers = graph.consumers(operator.outputs[0])
    if len(readers) == 1 and _is_view(graph, readers[0]) and operator.outputs[0] not in graph.outputs:
        last = readers[0]
    tensors = list(graph.tensors)
    numbers = np.arange(graph.tensors[source].size).reshape(graph.input(operator, 0).shape)
    order = np.asarray(graph.tensors[operator.inputs[1]].data).ravel().tolist()
    ends = tensors[source].shape, tensors[last.outputs[0]].shape
    if any(map(_is_odd, ends)):
        return graph
    output = numbers.transpose(order).reshape(ends[1])
    parts = _basic(operator, source, last.outputs[0], output, tensors) or _merged(
        operator, source, last.outputs[0], (graph.input(operator, 0).shape, order), tensors
    )
    if not parts:
        return graph
    operators = [
        part
        for other in graph.operators
        for part in (parts if other is operator else () if other is last else (other,))
    ]
    return _without_unread(replace(graph, tensors=tuple(tensors), operators=tuple(operators)))


def _basic(
    operator: Operator, source: int, output: int, numbers: Numbers, tensors: list[Tensor]
) -> list[Operator]:
    """Return operators that make a tensor whose values are those of the source by their numbers, or none."""
    before, after = tensors[source].shape, numbers.shape
    if not len(before) == len(after) == _RANK or before[0] != 1 or after[0] != 1:
        return []
    whole = np.arange(numbers.size).reshape(before)
    if before == after:
        channels = numbers[0, 0, 0]
        alike = channels.max() < before[3] and np.array_equal(whole[..., channels], numbers)
        return [gather.channels_of(source, channels.tolist(), output, operator, tensors)] if alike else []
    if after[1] % before[1] == 0 and 1 < after[1] // before[1] <= _LARGEST_BLOCK:
        return _to_space(operator, source, output, numbers, tensors)
    if before[1] % after[1] == 0 and 1 < before[1] // after[1] <= _LARGEST_BLOCK:
        return _to_depth(operator, source, output, numbers, tensors)
    return []


def _to_space(
    operator: Operator, source: int, output: int, numbers: Numbers, tensors: list[Tensor]
) -> list[Operator]:
    (_, rows, columns, depth), (_, height, width, channels) = tensors[source].shape, numbers.shape
    block = height // rows
    if (height, width, channels * block**2) != (rows * block, columns * block, depth):
        return []
    taken = numbers[0, :block, :block].ravel()  # in the order in which DEPTH_TO_SPACE lays them out
    if taken.max() >= depth:
        return []
    shuffled = np.arange(numbers.size).reshape(rows, columns, depth)[..., taken]
    split = shuffled.reshape(rows, columns, block, block, channels)
    if not np.array_equal(split.transpose(0, 2, 1, 3, 4).reshape(numbers.shape), numbers):
        return []
    options, between, parts = BlockOptions(block_size=block), source, []
    if not np.array_equal(taken, np.arange(depth)):
        between = _moving.add_between(tensors, tensors[source], tensors[source].shape)
        parts = [gather.channels_of(source, taken.tolist(), between, operator, tensors)]
    return [*parts, Operator(ops.name(depth_to_space), operator.index, (between,), (output,), options)]


def _to_depth(
    operator: Operator, source: int, output: int, numbers: Numbers, tensors: list[Tensor]
) -> list[Operator]:
    (_, height, width, channels), (_, rows, columns, depth) = tensors[source].shape, numbers.shape
    block = height // rows
    if (rows * block, columns * block, channels * block**2) != (height, width, depth):
        return []
    split = np.arange(numbers.size).reshape(rows, block, columns, block, channels)
    deep = split.transpose(0, 2, 1, 3, 4).reshape(numbers.shape)
    place = np.argsort(deep[0, 0, 0])
    taken = place[np.searchsorted(deep[0, 0, 0], numbers[0, 0, 0], sorter=place).clip(max=depth - 1)]
    if not np.array_equal(deep[..., taken], numbers):
        return []
    options, between, parts = BlockOptions(block_size=block), output, []
    if not np.array_equal(taken, np.arange(depth)):
        between = _moving.add_between(tensors, tensors[source], numbers.shape)
        parts = [gather.channels_of(between, taken.tolist(), output, operator, tensors)]
    return [Operator(ops.name(space_to_depth), operator.index, (source,), (between,), options), *parts]


def _merged(
    operator: Operator,
    source: int,
    output: int,
    turn: tuple[tuple[int, ...], list[int]],
    tensors: list[Tensor],
) -> list[Operator]:
    """Return RESHAPEs around a TRANSPOSE of the axes that don't stay together; axes of 1 are none.

    Nothing where these are more than three.
    """
    shape, order = turn
    kept = [axis for axis in order if shape[axis] != 1]
    rank = {axis: number for number, axis in enumerate(sorted(kept))}
    runs = [
        [axis for _, axis in run] for _, run in groupby(enumerate(kept), lambda pair: rank[pair[1]] - pair[0])
    ]
    sizes = {run[0]: int(np.prod([shape[axis] for axis in run])) for run in runs}
    first = sorted(sizes)
    sides = (1, *(sizes[axis] for axis in first))
    if len(sides) > _RANK:
        return []
    turned = [0, *(1 + first.index(run[0]) for run in runs)]
    before = _moving.add_between(tensors, tensors[source], sides)
    after = _moving.add_between(tensors, tensors[output], [sides[axis] for axis in turned])
    inputs = (before, _moving.add_constant(tensors, turned))
    return [
        _moving.reshaped(operator, source, before),
        Operator(ops.name(transpose), operator.index, inputs, (after,)),
        _moving.reshaped(operator, after, output),
    ]
