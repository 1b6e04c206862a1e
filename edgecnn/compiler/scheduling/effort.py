# SPDX-License-Identifier: Apache-2.0
"""Counts what a search does in steps, so that it ends at the same place on every machine."""

from edgecnn.progress import Progress, silent

SEARCH = 3_000_000  # steps: on a PC 6 to 8 seconds; most networks need fewer
_SILENT = 100_000  # steps: what is through so soon needs no bar
_BETWEEN = 10_000  # steps between reports


class Effort:
    """Steps that a search has done, of the `limit` that it may do.

    A step is a row that is made in a simulation, or other work that takes about as long.
    """

    def __init__(self, limit: int = SEARCH, progress: Progress = silent) -> None:
        self.spent = 0
        self.note = ""  # the best so far
        self.limit = limit
        self._progress = progress
        self._next_report = _SILENT

    @property
    def exhausted(self) -> bool:
        """Whether all steps are spent."""
        return self.spent >= self.limit

    def spend(self, steps: int) -> None:
        """Count steps."""
        self.spent += steps
        if self.spent >= self._next_report:
            self._next_report = self.spent + _BETWEEN
            self._progress("row search", min(self.spent, self.limit), self.limit, self.note)

    def end(self) -> None:
        """Report the end, if anything was reported."""
        if self.spent >= _SILENT:
            self._progress("row search", self.limit, self.limit, self.note)
