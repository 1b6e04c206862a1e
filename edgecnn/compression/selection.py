# SPDX-License-Identifier: Apache-2.0
"""Which groups of channels go first: those that matter least for what their absence saves."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.instructions import Values
from edgecnn.compression.channels import Channels
from edgecnn.compression.costs import Costs, Counts

# Removed at once: kernels work on several channels at a time, so that one alone may save nothing.
_STEPS = (1, 2, 3, 4, 8)
# Costs (4,) -> what a unit of each counts for now, (4,); None: nothing more has to go.
Prices = Callable[[Values], Values | None]


def choose(channels: Channels, importance: Values, costs: Costs, prices: Prices) -> NDArray[np.bool_]:
    """Return which groups stay, (groups,).

    One after the other those go whose importance is least for what they save, until `prices` says that it is
    enough, or one channel is left of each family.

    Args:
        channels: of the network.
        importance: of each group.
        costs: of the network.
        prices: what counts.
    """
    selection = _Selection(channels, importance, costs)
    while (price := prices(selection.costs)) is not None and selection.remove_cheapest(price):
        pass
    return selection.kept()


class _Selection:
    """The groups of each class in the order in which they would go, and how many of them are gone."""

    def __init__(self, channels: Channels, importance: Values, costs: Costs) -> None:
        self._count = channels.count
        self._of = costs
        self._order = [groups[np.argsort(importance[groups], kind="stable")] for groups in costs.classes]
        self._sums = [np.concatenate([[0], importance[order].cumsum()]) for order in self._order]
        self._left: Counts = costs.all
        self._families = [set(family.tolist()) for family in channels.families]
        self._families_of = [
            [number for number, family in enumerate(self._families) if int(groups[0]) in family]
            for groups in costs.classes
        ]
        self._in_family = [len(family) for family in self._families]
        self._best: dict[int, tuple[float, int]] = {}  # of a class: importance for what it saves, how many go
        self._price: Values | None = None
        self.costs = costs.of(self._left)

    def kept(self) -> NDArray[np.bool_]:
        """Return which groups stay."""
        kept = np.ones(self._count, bool)
        for order, left in zip(self._order, self._left.tolist(), strict=True):
            kept[order[: len(order) - left]] = False
        return kept

    def remove_cheapest(self, price: Values) -> bool:
        """Let the next groups go; return whether there were any."""
        if self._price is None or (price != self._price).any():
            self._best, self._price = {}, price
        for number in range(len(self._order)):
            if number not in self._best:
                self._best[number] = self._cheapest(number, price)
        number = min(self._best, key=lambda key: self._best[key], default=-1)
        if number < 0 or self._best[number][0] == np.inf:
            return False
        self._remove(number, self._best[number][1])
        return True

    def _cheapest(self, number: int, price: Values) -> tuple[float, int]:
        """Return how much importance goes for what is saved at best, and how many groups of the class."""
        works, sums = self._of.works_of[number], self._sums[number]
        gone = len(self._order[number]) - self._left[number]
        most = min((self._in_family[family] - 1 for family in self._families_of[number]), default=0)
        before, best = self._of.of(self._left, works), (np.inf, 0)
        for step in _STEPS:
            if step > min(most, self._left[number]):
                break
            left = self._left.copy()
            left[number] -= step
            if (saved := float(price @ (before - self._of.of(left, works)))) > 0:
                best = min(best, (float(sums[gone + step] - sums[gone]) / saved, step))
        return best

    def _remove(self, number: int, step: int) -> None:
        self._left[number] -= step
        for family in self._families_of[number]:
            self._in_family[family] -= step
        touched = set(self._of.works_of[number].tolist())
        for other, works in enumerate(self._of.works_of):
            if touched & set(works.tolist()) or set(self._families_of[other]) & set(
                self._families_of[number]
            ):
                self._best.pop(other, None)
        self.costs = self._of.of(self._left)
