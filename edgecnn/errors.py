# SPDX-License-Identifier: Apache-2.0
"""The errors that a user can cause.

The command line turns each into one line and exit code 1, so a message is a single line that says
which object is meant, what it has, what is allowed, and what to do.
"""

from collections.abc import Iterable


class EdgecnnError(Exception):
    """Base of every error that is the user's to mend; anything else that escapes is a bug."""


class DataError(EdgecnnError):
    """Images, labels, masks, archives or splits that can't be used as they are."""


class ModelError(EdgecnnError):
    """A model, or a file holding one, that can't be read, converted, compiled or run."""


class RunError(EdgecnnError):
    """A run folder that lacks what a step needs, or already holds what it would overwrite."""


class OtherRuntimeWarning(UserWarning):
    """A model runs on another TFLite runtime than the first that is installed, which can't run it."""


class MissingToolError(EdgecnnError):
    """A program or Python package that a step needs and this machine lacks."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question, after a space, that asks for the known name nearest to a wrong one; else nothing."""
    from difflib import get_close_matches  # here, because only who errs needs it

    known_by_letters = {word.lower(): word for word in known}
    near = get_close_matches(name.lower(), list(known_by_letters), n=1)
    return f' Did you mean "{known_by_letters[near[0]]}"?' if near else ""
