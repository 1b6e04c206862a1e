# SPDX-License-Identifier: Apache-2.0
"""Gives each variable a ring of rows, in which new rows take the place of the oldest, and nothing is moved.

Where a variable is the rows before those that are new, `CONCATENATION(variable, new)`, and the last rows of
the result are what it becomes, the result is the ring: only the new rows are written. So it is where the
oldest rows are cut off first, and the result itself is what the variable becomes, or with new rows in front.
Any other variable has two places in its ring, and what it becomes goes into the one that it is not in. Either
way an inference that stops half way has changed nothing.
"""

from dataclasses import replace

from edgecnn.compiler import geometry, ops
from edgecnn.compiler.ir import Graph, Operator, Ring, Variable, short_name
from edgecnn.compiler.ops import _moving, concatenation
from edgecnn.compiler.ops import slice as slice_
from edgecnn.errors import ModelError

_ROWS = -3  # the axis
_MOST_SLOTS = 65534  # what the C counts


def streams(graph: Graph) -> Graph:
    """Return `graph` with the model's own inputs and outputs alone, and a ring for each variable.

    Raises:
        ModelError: a variable has too many rows.
    """
    count = len(graph.variables)
    if not count:
        return graph
    befores, afters = graph.inputs[-count:], graph.outputs[-count:]
    graph = replace(graph, inputs=graph.inputs[:-count])
    variables: list[Variable] = []
    for variable, before, after in zip(graph.variables, befores, afters, strict=True):
        stream = _appending(graph, before, after) or _shifting(graph, before, after)
        if stream is None:
            rows = graph.tensors[after].shape[1]
            ring = Ring(2 * rows, rows, 0, rows)
            if ring.slots > _MOST_SLOTS:
                name = short_name(variable.name)
                raise ModelError(f'variable "{name}" has {rows} rows; {_MOST_SLOTS // 2} are supported')
            variables.append(replace(variable, before=before, after=after, ring=ring))
            continue
        joined, gone, ring = stream
        made = joined.outputs[0]
        kept = [operator for operator in graph.operators if operator is not gone]
        kept[kept.index(joined)] = _behind(graph, joined, before, gone)
        graph = replace(graph, operators=tuple(kept))
        variables.append(replace(variable, before=made, after=made, ring=ring))
    return replace(graph, outputs=graph.outputs[:-count], variables=tuple(variables))


def _behind(graph: Graph, joined: Operator, before: int, gone: Operator) -> Operator:
    """Return a CONCATENATION without the input that lies in the ring already."""
    [new] = [i for i in joined.inputs if i not in (before, *gone.outputs)]
    rows = graph.tensors[joined.outputs[0]].shape[1] - graph.tensors[new].shape[1]
    told = geometry.options(graph, joined, concatenation.ConcatenationOptions)
    behind = rows if joined.inputs[1] == new else 0
    return replace(joined, inputs=(new,), options=replace(told, behind=behind))


def _appending(graph: Graph, before: int, after: int) -> tuple[Operator, Operator, Ring] | None:
    """Return what joins a variable with new rows, what takes from that what it becomes, and the ring."""
    joined = _only_reader(graph, before)
    taken = graph.producer(after)
    if joined is None or taken is None or not _joins_rows(graph, joined, before):
        return None
    made, rows = joined.outputs[0], graph.tensors[before].shape[1]
    if made in graph.outputs or graph.consumers(after) or taken.inputs[0] != made:
        return None
    slots, new_behind = graph.tensors[made].shape[1], joined.inputs[0] == before
    new = slots - rows
    if not _takes_rows(graph, taken, new if new_behind else 0):
        return None
    return joined, taken, Ring(slots, new, 0, 0) if new_behind else Ring(slots, rows, new, 0)


def _shifting(graph: Graph, before: int, after: int) -> tuple[Operator, Operator, Ring] | None:
    """Return the same where the oldest rows are taken off first, and the variable becomes what is joined."""
    taken = _only_reader(graph, before)
    if taken is None or not ops.is_a(taken, slice_):
        return None
    joined = _only_reader(graph, taken.outputs[0])
    if joined is None or joined.outputs[0] != after or not _joins_rows(graph, joined, taken.outputs[0]):
        return None
    slots, kept = graph.tensors[after].shape[1], graph.tensors[taken.outputs[0]].shape[1]
    new, new_behind = slots - kept, joined.inputs[0] == taken.outputs[0]
    if not _takes_rows(graph, taken, new if new_behind else 0):
        return None
    return joined, taken, Ring(slots, new, kept, 0) if new_behind else Ring(slots, kept, new, 0)


def _only_reader(graph: Graph, tensor: int) -> Operator | None:
    """Return the operator that alone reads a tensor, which is no output."""
    readers = graph.consumers(tensor)
    return readers[0] if len(readers) == 1 and tensor not in graph.outputs else None


def _joins_rows(graph: Graph, operator: Operator, old: int) -> bool:
    """Tell whether an operator puts rows in front of old ones, or behind them."""
    if not ops.is_a(operator, concatenation) or len(operator.inputs) != 2:
        return False
    new = [i for i in operator.inputs if i != old]
    told = geometry.options(graph, operator, concatenation.ConcatenationOptions)
    return told.axis == _ROWS and len(new) == 1 and graph.tensors[new[0]].data is None


def _takes_rows(graph: Graph, operator: Operator, first: int) -> bool:
    """Tell whether an operator takes all of the rows from the first on that its output has."""
    if not ops.is_a(operator, slice_):
        return False
    source, made = graph.input(operator, 0).shape, graph.output(operator).shape
    begin = [0] * len(source)
    begin[_ROWS] = first
    told = geometry.options(graph, operator, slice_.OPTIONS)
    aligned = _moving.integers(graph, operator, 1)[-3:] == begin[-3:]
    return aligned and told.steps == (1, 1, 1) and source[2:] == made[2:]
