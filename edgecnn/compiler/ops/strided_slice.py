# SPDX-License-Identifier: Apache-2.0
"""STRIDED_SLICE: what Python's x[begin:end:step, ..., index, None] takes: SLICE with steps, RESHAPE."""

from dataclasses import dataclass, replace

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Options, Tensor
from edgecnn.compiler.ops import _moving
from edgecnn.errors import ModelError

macs = _moving.macs


@dataclass(frozen=True, kw_only=True)
class StridedSliceOptions(Options):
    """Bits that say how to take the ranges, the first for the first."""

    begin_mask: int
    end_mask: int
    ellipsis_mask: int
    new_axis_mask: int
    shrink_axis_mask: int
    offset: bool  # whether ends count from begins


OPTIONS = StridedSliceOptions


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return a SLICE, and a RESHAPE where indices or new axes change the dimensions."""
    output = operator.outputs[0]
    spans = _spans(graph, operator)
    shape = tuple(len(span) for span in spans)
    if min(shape, default=1) < 1:
        raise ModelError(f"{graph.describe(operator)} takes nothing of its input; one value or more needed")
    direct = shape == tensors[output].shape
    target = output if direct else _moving.add_between(tensors, tensors[output], shape)
    begin = [span.start for span in spans]
    taken = _moving.sliced(operator, operator.inputs[0], target, begin, tensors)
    step_h, step_w, step_c = [1, 1, 1, *(span.step for span in spans)][-3:]
    taken = replace(taken, options=_moving.SliceOptions(steps=(step_h, step_w, step_c)))
    return [taken] if direct else [taken, _moving.reshaped(operator, target, output)]


def _told(graph: Graph, operator: Operator) -> StridedSliceOptions:
    return geometry.options(graph, operator, StridedSliceOptions)


def _spans(graph: Graph, operator: Operator) -> list[range]:
    """Return which elements are taken along each axis of the input."""
    shape, begins = graph.input(operator, 0).shape, _moving.integers(graph, operator, 1)
    bits, told = range(len(begins)), _told(graph, operator)
    if told.offset:
        raise ModelError(
            f"{graph.describe(operator)} has ends that count from its begins; give them absolutely"
        )
    named = sum(not (told.ellipsis_mask | told.new_axis_mask) >> i & 1 for i in bits)
    dots = sum(told.ellipsis_mask >> i & 1 for i in bits)
    if named > len(shape) or dots > 1:
        raise ModelError(f"{graph.describe(operator)} has {named} ranges and {dots} ellipses for {shape}")
    spans: list[range] = []
    for position in bits:
        if told.ellipsis_mask >> position & 1:
            spans += [range(length) for length in shape[len(spans) : len(spans) + len(shape) - named]]
        elif not told.new_axis_mask >> position & 1:
            spans.append(_span(graph, operator, position, shape[len(spans)]))
    return spans + [range(length) for length in shape[len(spans) :]]


def _span(graph: Graph, operator: Operator, position: int, length: int) -> range:
    """Return the elements that one range or index takes of `length`, with Python's rules as TFLite's."""
    count = graph.input(operator, 1).size
    begin, end, step = (_moving.integers(graph, operator, i, count)[position] for i in (1, 2, 3))
    told = _told(graph, operator)
    if told.shrink_axis_mask >> position & 1:
        if not -length <= begin < length:
            raise ModelError(f"{graph.describe(operator)} takes element {begin} of {length}")
        return range(begin % length, begin % length + 1)
    if step == 0:
        raise ModelError(f"{graph.describe(operator)} has a stride of 0; other numbers are possible")
    first = None if told.begin_mask >> position & 1 else begin
    last = None if told.end_mask >> position & 1 else end
    return range(length)[slice(first, last, step)]
