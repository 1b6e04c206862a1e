# SPDX-License-Identifier: Apache-2.0
"""`edgecnn targets`: what C can be generated for, and what runs it here."""

from typing import Any

import click

from edgecnn.cli.console import json_option
from edgecnn.cli.tables import wide_option
from edgecnn.compiler.targets import KIB, MIB


@click.command("targets")
@wide_option
@json_option
def command(as_json: bool) -> None:
    """List the targets of generated C: instruction set, a part, and what runs the C on this machine.

    The part is an affordable device of the kind; its flash and RAM are what a budget means where it names
    none. 'edgecnn verify --target NAME' needs the programs that run it; the last column says what is missing.
    """
    from edgecnn.cli.console import print_json
    from edgecnn.cli.tables import print_table
    from edgecnn.pipeline.targets import describe_targets

    rows = describe_targets()
    if as_json:
        print_json(rows)
    else:
        columns = ("target", "kernels", "part", "flash", "RAM", "run by", "ready")
        print_table("", columns, [_row(target) for target in rows], ("run by", "kernels"), text="ready")


def _row(target: dict[str, Any]) -> tuple[str, ...]:
    return (
        target["name"],
        target["isa"],
        target["part"] or "",
        _size(target["flash_bytes"]),
        _size(target["ram_bytes"]),
        target["run_by"],
        target["missing"] or "yes",
    )


def _size(count: int | None) -> str:
    if count is None:
        return ""
    return f"{count // MIB} MiB" if count % MIB == 0 else f"{count // KIB} KiB"
