# SPDX-License-Identifier: Apache-2.0
"""Where variables lie in the buffer that is theirs: the head of each one's ring first, then the rings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Ring, Variable
from edgecnn.compiler.scheduling.memory import aligned

_HEAD = 2  # bytes


@dataclass(frozen=True, eq=False)
class Kept:
    """A variable and where its ring lies: from a byte on, rows of so many bytes each."""

    variable: Variable
    offset: int
    row_bytes: int

    @property
    def ring(self) -> Ring:
        """Its ring, which a pass has given it."""
        assert self.variable.ring is not None, "the pass `streams` gives each variable a ring"
        return self.variable.ring

    @property
    def head(self) -> int:
        """The head before the first inference, for which the initial value begins in the first slot."""
        return -self.ring.first % self.ring.slots

    @property
    def initial(self) -> NDArray[np.generic]:
        """The value before the first inference."""
        assert self.variable.initial.data is not None, "a variable has an initial value"
        return self.variable.initial.data


@dataclass(frozen=True, eq=False)
class Variables:
    """The variables of a model in their buffer of `size` bytes."""

    kept: tuple[Kept, ...]
    size: int

    @staticmethod
    def of(graph: Graph) -> "Variables":
        """Lay out the variables of a graph that all passes have gone over."""
        kept, at = [], aligned(_HEAD * len(graph.variables))
        for variable in graph.variables:
            tensor = graph.tensors[variable.after]
            kept.append(Kept(variable, at, tensor.shape[2] * tensor.shape[3] * tensor.itemsize))
            at += aligned(kept[-1].ring.slots * kept[-1].row_bytes)
        return Variables(tuple(kept), at)

    @property
    def value_bytes(self) -> int:
        """The bytes of all values, one behind the other."""
        return sum(kept.initial.nbytes for kept in self.kept)

    def place(self, tensor: int) -> str:
        """Return the C expression of the place of a tensor of one row that is a value of a variable."""
        value = self.find(tensor)
        assert value is not None, "such a tensor lies in no arena"
        number, kept, first = value
        slot = f"(heads[{number}] + {first}) % {kept.ring.slots}"
        return f"variables + {kept.offset} + {slot} * {kept.row_bytes}"

    def find(self, tensor: int) -> tuple[int, Kept, int] | None:
        """Return the variable of which a tensor is a value, by number too, and its first row in the ring."""
        for number, kept in enumerate(self.kept):
            if tensor in (kept.variable.before, kept.variable.after):
                made = kept.variable.before != kept.variable.after and tensor == kept.variable.after
                return number, kept, kept.ring.made if made else 0
        return None
