# SPDX-License-Identifier: Apache-2.0
"""What RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR share.

Both scale by the sizes in the file, even where a pass has cut off rows and columns that nothing reads.
"""

from collections.abc import Sequence
from dataclasses import replace

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import _moving
from edgecnn.errors import ModelError


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the same operator with the input's size as options `in_h` and `in_w`."""
    shape = graph.input(operator, 0).shape
    if len(shape) != 4 or "in_h" in operator.options:
        return [operator]
    return [replace(operator, options=dict(operator.options) | {"in_h": shape[1], "in_w": shape[2]})]


def check(graph: Graph, operator: Operator, dtypes: Sequence[str] = geometry.INT8) -> None:
    """Check types, equal quantization, shapes and rules."""
    _moving.check(graph, operator, dtypes)
    source, wanted = graph.input(operator, 0).shape, _moving.integers(graph, operator, 1, 2)
    if len(source) != 4 or min(wanted) < 1:
        raise ModelError(
            f"{graph.describe(operator)} makes {wanted} of {source}; sizes from 1 on, 4 dimensions needed"
        )
    geometry.check_shape(graph, operator, (1, *wanted, source[3]))
    if operator.op == "RESIZE_BILINEAR" and all(rules(operator)):
        raise ModelError(
            f"{graph.describe(operator)} has align_corners and half_pixel_centers; one of them is possible"
        )


def rules(operator: Operator) -> tuple[bool, bool]:
    """Return (align_corners, half_pixel_centers)."""
    align, half = (bool(operator.options.get(name)) for name in ("align_corners", "half_pixel_centers"))
    return align, half


def lengths(graph: Graph, operator: Operator, axis: int) -> tuple[int, int]:
    """Return how many rows (axis 1) or columns (axis 2) input and output have in the file."""
    wanted = _moving.integers(graph, operator, 1, 2)
    return int(operator.options[("in_h", "in_w")[axis - 1]]), wanted[axis - 1]
