# SPDX-License-Identifier: Apache-2.0
"""How library code tells how far it is, without printing: the command line decides what is shown."""

import logging
from typing import Protocol

LOGGER = logging.getLogger("edgecnn")


class Progress(Protocol):
    """Called as a long step goes on."""

    def __call__(self, step: str, done: int, total: int, note: str = "") -> None:
        """Report that `done` of `total` parts of `step` are finished; `note` is a short figure or name."""


def silent(step: str, done: int, total: int, note: str = "") -> None:
    """Show nothing."""


def say(sentence: str) -> None:
    """Tell, in the midst of a step, what a person ought to know but did not ask for.

    It goes to the logger "edgecnn"; the command line prints it as a line on standard error.
    """
    LOGGER.warning(sentence)
