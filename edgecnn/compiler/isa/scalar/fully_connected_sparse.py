# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED with many weights of zero: those that aren't, and how far each lies behind the one before.

A weight takes 12 bits, so that flash falls where more than a third of them are zero; each is read once an
inference, so that finding its input costs little.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.kernel import Line
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.ops.fully_connected import FULLY_CONNECTED
from edgecnn.compiler.steps import Step

_KERNEL = FULLY_CONNECTED.but(
    Line.shape("int32_t row", "bytes of one row of the input"),
    Line.trained(
        "const uint16_t *filter", "row after row, in each output after output, see kernel_sparse_dot"
    ),
    Line.trained("const int32_t *starts", "where those of each row of the input begin"),
    name="fully_connected_sparse",
    isa="scalar",
    without="in",
)

_FARTHEST = 15  # from one weight to the next: four bits
_FOUR = 4  # weights that come together, with a word of 16 bits for their distances
_MOST = 0.75  # of the bytes of all weights: where less is saved, instructions are worth more


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a way faster than the portable `step`, or none where weights are many or may become others."""
    linear = Linear.of(graph, step.operator)
    weights, row = linear.weights, int(step.params["row"])
    if linear.apart or np.count_nonzero(weights) * 1.5 > _MOST * weights.size:
        return ()
    rows = weights.reshape(len(weights), -1, row).transpose(1, 0, 2)
    packed = [np.concatenate([pack(output) for output in outputs]) for outputs in rows]
    filters = np.concatenate(packed)
    if filters.nbytes > _MOST * weights.nbytes:
        return ()
    starts = np.cumsum([0, *(len(of_row) for of_row in packed[:-1])]).astype(np.int32)
    params = _KERNEL.take(step.params, filter=filters, starts=starts)
    return (replace(step, kernel=_KERNEL, params=params, scratch=4 * len(weights)),)


def pack(weights: NDArray[np.int8]) -> NDArray[np.uint16]:
    """Return int8[n] as uint16[3 * fours]: of four weights the distances, then the weights.

    Distances, of the first from 0, have four bits each, the first in the lowest. Weights of zero are among
    them where others would lie too far apart, for input n - 1, and to fill up the last four.
    """
    at = _places(weights)
    more = -len(at) % _FOUR
    steps = np.pad(np.diff(at, prepend=0), (0, more)).reshape(-1, _FOUR)
    distances = (steps << np.arange(0, 4 * _FOUR, 4)).sum(axis=1).astype(np.uint16)
    pairs = np.pad(weights[at], (0, more)).reshape(-1, _FOUR).view("<u2")
    return np.column_stack([distances, pairs]).ravel()


def _places(weights: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return the inputs whose weights are stored, in order: the last, and none far behind another."""
    stored = weights != 0
    stored[-1] = True
    at = np.flatnonzero(stored)
    before = np.concatenate([[0], at[:-1]])
    between = np.maximum(at - before - 1, 0) // _FARTHEST
    nth = np.arange(between.sum()) - np.repeat(between.cumsum() - between, between)
    stored[np.repeat(before, between) + (nth + 1) * _FARTHEST] = True
    return np.flatnonzero(stored)
