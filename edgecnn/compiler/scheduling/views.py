# SPDX-License-Identifier: Apache-2.0
"""Lets steps read variables where they lie: a SLICE of a part of each row, in one piece, copies nothing.

Rows of a variable stay where they are for the whole inference, so nothing has to wait for a copy, or to be
kept for it. A part begins at a word, as kernels may read words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.ops import slice as slice_
from edgecnn.compiler.steps import Step

_WORD = 4  # bytes


@dataclass(frozen=True)
class _View:
    """A tensor that is rows of another from one on, of each row the bytes from one on."""

    source: int
    row: int
    offset: int


def read_in_place(graph: Graph, steps: Sequence[tuple[Step, ...]]) -> list[tuple[Step, ...]]:
    """Return the alternatives of each step without SLICEs of variables that their readers can do without."""
    views: dict[int, _View] = {}
    kept = []
    for before in steps:
        ways = tuple(_reading(views, step) for step in before)
        view = _view(graph, ways[0], steps)
        if view is None:
            kept.append(ways)
        else:
            views[ways[0].output] = view
    return kept


def _view(graph: Graph, step: Step, steps: Sequence[tuple[Step, ...]]) -> _View | None:
    """Return what a step takes of a variable; None where it takes another, or a reader needs a copy."""
    made = step.output
    in_variables = graph.outside[len(graph.outputs) :]
    if not ops.is_a(step.operator, slice_) or step.inputs[0] not in in_variables or made in graph.outside:
        return None
    [window], params = step.windows, step.params
    tensor, source = graph.tensors[made], graph.tensors[step.inputs[0]]
    offset = window.offset + int(params["begin"]) * tensor.itemsize
    row_bytes = source.shape[2] * source.shape[3] * source.itemsize
    in_a_piece = params["positions"] == params["step"] == 1 and window.outer == 1
    if not in_a_piece or offset % _WORD or row_bytes % _WORD:
        return None
    readers = [way for ways in steps for way in ways if made in way.inputs]
    if any(_pads(way, made, tensor.shape[1]) for way in readers):
        return None
    return _View(step.inputs[0], window.start, offset)


def _pads(step: Step, tensor: int, height: int) -> bool:
    """Tell whether a step reads beyond the edges of a tensor, where the view of it would go on."""
    return any(step.reads_padding(at, height) for at, read in enumerate(step.inputs) if read == tensor)


def _reading(views: dict[int, _View], step: Step) -> Step:
    """Return a step that reads what views are of."""
    if not views.keys() & set(step.inputs):
        return step
    inputs, windows = list(step.inputs), list(step.windows)
    for at, tensor in enumerate(step.inputs):
        if tensor in views:
            view, window = views[tensor], step.windows[at]
            inputs[at] = view.source
            windows[at] = replace(
                window,
                start=window.start + view.row,
                firsts=tuple(first + view.row for first in window.firsts),
                offset=window.offset + view.offset,
            )
    return replace(step, inputs=tuple(inputs), windows=tuple(windows))
