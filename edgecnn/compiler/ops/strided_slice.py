# SPDX-License-Identifier: Apache-2.0
"""STRIDED_SLICE: what Python's x[begin:end:step, ..., index, None] takes: SLICE with steps, RESHAPE."""

from dataclasses import replace

from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import _moving
from edgecnn.compiler.ops.slice import STEPS
from edgecnn.errors import ModelError

macs = _moving.macs


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return a SLICE, and a RESHAPE where indices or new axes change the dimensions."""
    made = operator.outputs[0]
    spans = _spans(graph, operator)
    shape = tuple(len(span) for span in spans)
    if min(shape, default=1) < 1:
        raise ModelError(f"{graph.describe(operator)} takes nothing of its input; one value or more needed")
    direct = shape == tensors[made].shape
    target = made if direct else _moving.add_between(tensors, tensors[made], shape)
    begin = [span.start for span in spans]
    taken = _moving.sliced(operator, operator.inputs[0], target, begin, tensors)
    steps = {STEPS[axis]: spans[axis].step for axis in STEPS if -axis <= len(spans)}
    taken = replace(taken, options=steps)
    return [taken] if direct else [taken, _moving.reshaped(operator, target, made)]


def _bit(operator: Operator, mask: str, position: int) -> bool:
    return bool(int(operator.options.get(f"{mask}_mask", 0)) >> position & 1)


def _spans(graph: Graph, operator: Operator) -> list[range]:
    """Return which elements are taken along each axis of the input."""
    shape, begins = graph.input(operator, 0).shape, _moving.integers(graph, operator, 1)
    bits = range(len(begins))
    named = sum(not (_bit(operator, "ellipsis", i) or _bit(operator, "new_axis", i)) for i in bits)
    dots = sum(_bit(operator, "ellipsis", i) for i in bits)
    if named > len(shape) or dots > 1:
        raise ModelError(f"{graph.describe(operator)} has {named} ranges and {dots} ellipses for {shape}")
    spans: list[range] = []
    for position in bits:
        if _bit(operator, "ellipsis", position):
            spans += [range(length) for length in shape[len(spans) : len(spans) + len(shape) - named]]
        elif not _bit(operator, "new_axis", position):
            spans.append(_span(graph, operator, position, shape[len(spans)]))
    return spans + [range(length) for length in shape[len(spans) :]]


def _span(graph: Graph, operator: Operator, position: int, length: int) -> range:
    """Return the elements that one range or index takes of `length`, with Python's rules as TFLite's."""
    count = graph.input(operator, 1).size
    begin, end, step = (_moving.integers(graph, operator, i, count)[position] for i in (1, 2, 3))
    if _bit(operator, "shrink_axis", position):
        if not -length <= begin < length:
            raise ModelError(f"{graph.describe(operator)} takes element {begin} of {length}")
        return range(begin % length, begin % length + 1)
    if step == 0:
        raise ModelError(f"{graph.describe(operator)} has a stride of 0; other numbers are possible")
    first = None if _bit(operator, "begin", position) else begin
    last = None if _bit(operator, "end", position) else end
    return range(length)[slice(first, last, step)]
