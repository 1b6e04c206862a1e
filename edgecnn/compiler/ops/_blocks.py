# SPDX-License-Identifier: Apache-2.0
"""What SPACE_TO_DEPTH and DEPTH_TO_SPACE share: blocks of pixels on one side, channels on the other."""

from dataclasses import dataclass

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Options
from edgecnn.compiler.ops import _moving
from edgecnn.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class BlockOptions(Options):
    """Of both ops."""

    block_size: int


def size(graph: Graph, operator: Operator) -> int:
    """Return the side of a block."""
    return geometry.options(graph, operator, BlockOptions).block_size


def check(graph: Graph, operator: Operator, large: tuple[int, ...], small: tuple[int, ...]) -> None:
    """Check types, equal quantization, and that `large` is the image whose blocks `small` has as channels."""
    _moving.check(graph, operator)
    block = size(graph, operator)
    if block < 1 or len(large) != 4 or len(small) != 4:
        raise ModelError(
            f"{graph.describe(operator)} has blocks of {block} of {large}; 1 or more of 4 needed"
        )
    _, rows, columns, channels = small
    if large != (1, rows * block, columns * block, channels // block**2) or channels % block**2:
        raise ModelError(
            f"{graph.describe(operator)} has {large} and {small}, which blocks of {block}x{block} don't join"
        )
