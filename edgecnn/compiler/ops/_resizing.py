# SPDX-License-Identifier: Apache-2.0
"""What RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR share.

Both scale by the sizes in the file, even where a pass has cut off rows and columns that nothing reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Options, Tensor
from edgecnn.compiler.ops import _moving
from edgecnn.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class ResizingOptions(Options):
    """Of both ops; `size` is the input's (h, w) in the file, once known, `unsigned` that it has uint8."""

    align_corners: bool
    half_pixel_centers: bool
    size: tuple[int, int] | None = None
    unsigned: bool = False


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the same operator with the input's size as an option."""
    shape, told = graph.input(operator, 0).shape, geometry.options(graph, operator, ResizingOptions)
    if len(shape) != 4 or told.size is not None:
        return [operator]
    return [replace(operator, options=replace(told, size=shape[1:3]))]


def check(graph: Graph, operator: Operator, dtypes: Sequence[str] = geometry.INT8) -> None:
    """Check types, equal quantization, shapes and rules."""
    _moving.check(graph, operator, dtypes)
    source, wanted = graph.input(operator, 0).shape, _moving.integers(graph, operator, 1, 2)
    if len(source) != 4 or min(wanted) < 1:
        raise ModelError(
            f"{graph.describe(operator)} makes {wanted} of {source}; sizes from 1 on, 4 dimensions needed"
        )
    geometry.check_shape(graph, operator, (1, *wanted, source[3]))
    if operator.op == "RESIZE_BILINEAR" and all(rules(graph, operator)):
        raise ModelError(
            f"{graph.describe(operator)} has align_corners and half_pixel_centers; one of them is possible"
        )


def rules(graph: Graph, operator: Operator) -> tuple[bool, bool]:
    """Return (align_corners, half_pixel_centers)."""
    told = geometry.options(graph, operator, ResizingOptions)
    return told.align_corners, told.half_pixel_centers


def lengths(graph: Graph, operator: Operator, axis: int) -> tuple[int, int]:
    """Return how many rows (axis 1) or columns (axis 2) input and output have in the file."""
    size, wanted = (
        geometry.options(graph, operator, ResizingOptions).size,
        _moving.integers(graph, operator, 1, 2),
    )
    assert size is not None, "rewrite has set it"
    return size[axis - 1], wanted[axis - 1]
