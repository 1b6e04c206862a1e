# SPDX-License-Identifier: Apache-2.0
"""What an operator becomes in C: a kernel that is fired once for each row, and the rows it reads then."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Operator

Params = Mapping[str, "int | NDArray[np.generic]"]


@dataclass(frozen=True)
class Window:
    """The rows of one input that a firing reads: `extent` rows from the first on, some of them maybe padding.

    The first row of firing i is `start + (i // group) * outer + (i % group) * inner`, where `group` is
    the step's.
    """

    extent: int
    outer: int
    start: int = 0
    inner: int = 0


@dataclass(frozen=True, eq=False)
class Step:
    """A kernel and how it fires.

    `group` firings complete one output row together (a running maximum, or sums over all input rows);
    `rows_per_group` is more than one only where one firing writes the whole output.
    """

    operator: Operator
    kernel: str  # the name of the C function and of its file in ops/
    inputs: tuple[int, ...]
    output: int
    windows: tuple[Window, ...]
    firings: int
    params: Params
    group: int = 1
    rows_per_group: int = 1
    sums: int = 0  # how many 32-bit sums are kept from the first firing of a group to its last
    macs: int = 0
    arguments: tuple[str, ...] = field(default=())  # what the kernel takes after the output row: part, sums

    def first_row(self, window: Window, firing: int) -> int:
        """Return the first input row, maybe negative, that a firing reads."""
        group, part = divmod(firing, self.group)
        return window.start + group * window.outer + part * window.inner

    def reads(self, position: int, firing: int, height: int) -> tuple[int, int]:
        """Return (first, end) of the rows of an input with `height` rows that a firing reads."""
        window = self.windows[position]
        first = self.first_row(window, firing)
        return max(first, 0), max(min(first + window.extent, height), 0)

    def begins(self, firing: int) -> int:
        """Return the first output row that a firing writes to."""
        return firing // self.group * self.rows_per_group

    def completed(self, firing: int) -> int:
        """Return how many output rows are complete after a firing."""
        return (firing + 1) // self.group * self.rows_per_group
