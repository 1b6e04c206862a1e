# SPDX-License-Identifier: Apache-2.0
"""How library code tells how far it is, without printing: the command line decides what is shown."""

from typing import Protocol


class Progress(Protocol):
    """Called as a long step goes on."""

    def __call__(self, step: str, done: int, total: int, note: str = "") -> None:
        """Report that `done` of `total` parts of `step` are finished; `note` is a short figure or name."""


def silent(step: str, done: int, total: int, note: str = "") -> None:
    """Show nothing."""
