# SPDX-License-Identifier: Apache-2.0
"""What an operator becomes in C: a kernel that is fired once for each row, and the rows it reads then."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Operator
from edgecnn.compiler.kernel import Kernel, Params

INPUT = Kernel("input")  # what takes rows from the caller is written with the model
VARIABLE = Kernel("variable")  # what the last inference has left is there, and nothing is called
_COLUMNS = 12  # at a time: more save little and cost memory


@dataclass(frozen=True)
class Window:
    """The rows of one input that a firing reads: `extent` rows from the first on, some of them maybe padding.

    The first row of firing i is `start + (i // group) * outer + (i % group) * inner`, where `group` is
    the step's; or `firsts[i]` where the rows follow no such rule, as in an enlarged image. Of a row,
    what lies from byte `offset` on is read.
    """

    extent: int
    outer: int
    start: int = 0
    inner: int = 0
    firsts: tuple[int, ...] = ()
    offset: int = 0


@dataclass(frozen=True, eq=False)
class Step:
    """A kernel and how it fires.

    `group` firings complete one output row together (a running maximum, or sums over all input rows);
    `rows_per_group` is more than one only where one firing writes the whole output.
    """

    operator: Operator
    kernel: Kernel
    inputs: tuple[int, ...]
    output: int
    windows: tuple[Window, ...]
    firings: int
    params: Params
    group: int = 1
    rows_per_group: int = 1
    first_made: int = 0  # the output's row that the first firing makes; others may be there before
    scratch: int = 0  # bytes kept from the first firing to the last: 32-bit sums, or a column of `before`
    working: int = 0  # bytes needed only while it fires: steps of a segment share them
    macs: int = 0
    arguments: tuple[
        str, ...
    ] = ()  # what the kernel takes after the output row: part, row, sums, columns, working
    constant: NDArray[Any] | None = None  # (1 or output rows, values): its row is read behind the inputs'
    before: "Step | None" = None  # what makes this step's input, some columns at a time, in the scratch

    def __post_init__(self) -> None:
        self.kernel.check(self.params)

    @property
    def constant_bytes(self) -> int:
        """Bytes of weights, biases, scales and tables."""
        arrays = (value for value in (*self.params.values(), self.constant) if isinstance(value, np.ndarray))
        return sum(value.nbytes for value in arrays)

    def first_row(self, window: Window, firing: int) -> int:
        """Return the first input row, maybe negative, that a firing reads."""
        if window.firsts:
            return window.firsts[firing]
        group, part = divmod(firing, self.group)
        return window.start + group * window.outer + part * window.inner

    def reads(self, position: int, firing: int, height: int) -> tuple[int, int]:
        """Return (first, end) of the rows of an input with `height` rows that a firing reads."""
        window = self.windows[position]
        first = self.first_row(window, firing)
        return max(first, 0), max(min(first + window.extent, height), 0)

    def reads_padding(self, position: int, height: int) -> bool:
        """Tell whether a firing reads rows beyond the edges of an input with `height` rows."""
        firsts = [self.first_row(self.windows[position], firing) for firing in range(self.firings)]
        return min(firsts) < 0 or max(firsts) + self.windows[position].extent > height

    def completed(self, firing: int, height: int) -> int:
        """Return how many output rows, of `height`, are complete after a firing: all after the last."""
        return height if firing == self.firings - 1 else (firing + 1) // self.group * self.rows_per_group


def column_by_column(before: Step, step: Step, width: int, itemsize: int) -> Step:
    """Return one step for a depthwise convolution and the 1x1 convolution behind it, whose rows have `width`.

    Of what lies between the two, a single column is kept instead of rows, or as many as kernels for
    several at a time can use; its values have `itemsize` bytes.
    """
    several = before.working and step.working
    columns = columns_at_once(width) if several else 1
    size = itemsize * columns * int(step.params["in_c"])
    return replace(
        step,
        inputs=before.inputs,
        windows=before.windows,
        params={**step.params, "in_w": columns, "out_w": columns},
        macs=before.macs + step.macs,
        scratch=size,
        working=max(before.working, step.working),
        before=before,
    )


def columns_at_once(width: int) -> int:
    """Return how many columns of a row are made at a time between two steps, if not one."""
    return -(-width // -(-width // _COLUMNS))
