# SPDX-License-Identifier: Apache-2.0
"""`--part`, one option for all commands, and the lines that say whether a model fits it."""

from typing import TYPE_CHECKING

import click

from edgecnn.cli.console import given_options, tell
from edgecnn.cli.suggestions import Choice
from edgecnn.compiler.targets import PARTS, TARGETS

if TYPE_CHECKING:
    from edgecnn.compiler.fits import Needs

target_option = click.option(
    "--target", type=Choice(list(TARGETS)), default="c99", show_default=True, help="What the C is for."
)
part_option = click.option(
    "--part",
    type=Choice(list(PARTS)),
    help="A device whose core, flash and RAM are meant; 'edgecnn targets' lists them.",
)


def target_of(part: str | None, target: str) -> str:
    """Return the target that is meant: that of a part, where one is named.

    Raises:
        UsageError: both are given.
    """
    if part is None:
        return target
    if "target" in given_options({"target": target}):
        raise click.UsageError("--part has its own core; leave out --target")
    return PARTS[part].name


def say_what_fits(needs: "Needs") -> None:
    """Print what counts of a model on its device."""
    from edgecnn.compiler.fits import sentences

    tell(*sentences(needs))
