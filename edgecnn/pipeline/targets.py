# SPDX-License-Identifier: Apache-2.0
"""What there is to know of the targets, and whether this machine can run them."""

from typing import Any

from edgecnn.compiler.targets import TARGETS, Target
from edgecnn.errors import EdgecnnError
from edgecnn.runtime.emulator import find_emulator, find_runner, has_emulator


def describe_targets() -> list[dict[str, Any]]:
    """Return an entry for each target; every value fits JSON.

    `missing` is None where everything is installed that runs the target's code, else a line that says what
    is not and how to install it.
    """
    return [
        {
            "name": target.name,
            "isa": target.isa,
            "part": target.part,
            "flash_bytes": target.flash,
            "ram_bytes": target.ram,
            "mhz": target.mhz,
            "run_by": _run_by(target),
            "missing": _missing(target),
        }
        for target in TARGETS.values()
    ]


def _run_by(target: Target) -> str:
    if target.board is not None:
        return f"{target.cc}, {target.board.qemu} ({target.board.machine})"
    runner = "this machine" if target.emulator is None else target.emulator[0]
    return f"{target.cc}, {runner}"


def _missing(target: Target) -> str | None:
    """Return why what runs a target can't be had; looking for it is what the classes of runtime/ do first."""
    try:
        if has_emulator(target):
            find_emulator(target, "-O2")
        else:
            find_runner(target, "-O2")
    except EdgecnnError as error:
        return str(error)
    return None
