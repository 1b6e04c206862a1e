# SPDX-License-Identifier: Apache-2.0
"""What ops that only move values share, and how those that are made of others are put together.

Axes count from the end: a view of (1, rows, columns, channels) changes none of these numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Options, Tensor
from edgecnn.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class SliceOptions(Options):
    """Of SLICE: steps along rows, columns and channels, which may be negative."""

    steps: tuple[int, int, int] = (1, 1, 1)


def check(
    graph: Graph,
    operator: Operator,
    dtypes: Sequence[str] = geometry.INT8,
    most: int = geometry.MOST,
) -> None:
    """Check types, dimensions of up to `most`, and that input and output have one scale and zero point."""
    ends = graph.input(operator, 0), graph.output(operator)
    geometry.check_types(graph, operator, ends, dtypes, most=most)
    geometry.check_same_quantization(graph, operator)


def macs(graph: Graph, operator: Operator) -> int:
    """Return 0: values are only moved."""
    return 0


def known(graph: Graph, operator: Operator) -> bool:
    """Say whether what an operator makes is known when compiling: whether all of its inputs are constants."""
    return all(graph.tensors[i].data is not None for i in operator.inputs)


def axis_from_end(graph: Graph, operator: Operator, axis: int, rank: int) -> int:
    """Return an axis of a tensor of `rank` dimensions as -1 for the last, -2 for the one before, ...

    Raises:
        ModelError: there is no such axis.
    """
    if not -rank <= axis < rank:
        raise ModelError(f"{graph.describe(operator)} has axis {axis}; {-rank} to {rank - 1} are possible")
    return axis if axis < 0 else axis - rank


def integers(graph: Graph, operator: Operator, position: int, count: int | None = None) -> list[int]:
    """Return an input that is a constant list of integers, of `count` where that is given.

    Raises:
        ModelError: it is none, or of another length.
    """
    values = geometry.constant(graph, operator, position)
    if values.dtype.kind != "i" or values.ndim > 1 or count not in (None, values.size):
        raise ModelError(
            f"{graph.describe(operator)} has input {position} {values.dtype}{values.shape}; "
            f"{'a list' if count is None else count} of integers needed"
        )
    return [int(value) for value in values.reshape(-1)]


def add_constant(tensors: list[Tensor], values: Sequence[int]) -> int:
    """Append a constant list of integers to `tensors`; return its number."""
    tensors.append(Tensor("", (len(values),), "int32", None, np.array(values, np.int32)))
    return len(tensors) - 1


def add_between(tensors: list[Tensor], like: Tensor, shape: Sequence[int]) -> int:
    """Append a tensor of another shape, but `like` one in all else, to `tensors`; return its number."""
    tensors.append(Tensor(like.name, tuple(shape), like.dtype, like.quantization))
    return len(tensors) - 1


def reshaped(operator: Operator, source: int, output: int) -> Operator:
    """Return a RESHAPE of one tensor to another, as a part of `operator`."""
    return Operator("RESHAPE", operator.index, (source,), (output,))


def sliced(
    operator: Operator, source: int, output: int, begin: Sequence[int], tensors: list[Tensor]
) -> Operator:
    """Return a SLICE from `begin` on, as large as the tensor that it makes, as a part of `operator`."""
    constants = (add_constant(tensors, begin), add_constant(tensors, tensors[output].shape))
    return Operator("SLICE", operator.index, (source, *constants), (output,), SliceOptions())
