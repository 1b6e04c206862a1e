# SPDX-License-Identifier: Apache-2.0
"""Click's groups and choices, which name what is nearest to a wrong word."""

from typing import Any

import click

from edgecnn.errors import did_you_mean


class Group(click.Group):
    """A group that names the nearest of its commands."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that `args` begin with, as click asks of its groups."""
        names = self.list_commands(ctx)
        if args[0] not in names and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}.{did_you_mean(args[0], names)}")
        return super().resolve_command(ctx, args)


class Choice(click.Choice[Any]):
    """A choice that names the nearest of its values."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Say that `value` is none of the choices, as click asks of its choices."""
        near = did_you_mean(str(value), map(str, self.choices))
        return super().get_invalid_choice_message(value, ctx) + near
