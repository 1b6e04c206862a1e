# SPDX-License-Identifier: Apache-2.0
"""Which devices hold the C of a model, and how long an inference takes there: estimates of the plan alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from edgecnn.compiler.instructions import estimate, factors
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.scheduling.measure import Schedule
from edgecnn.compiler.scheduling.variables import Variables
from edgecnn.compiler.targets import KIB, STACK_BYTES, TARGETS, Target
from edgecnn.errors import EdgecnnError

CODE_BYTES = 32 * KIB  # what code takes at most where no core is named: measured code has up to 30 KB
_MANY = 100_000  # instructions, from which on they are told in millions
_AN = "AEFHILMNORSX8"  # what parts begin with whose first letter is spoken with a vowel


@dataclass(frozen=True)
class Needs:
    """What the C of a model takes on a device.

    Attributes:
        target: what it is made for.
        flash: bytes of code and constants.
        ram: bytes of the arena, and of variables.
        instructions: of an inference; None where nothing tells.
        measured: whether flash and instructions were, by the target's compiler and emulator.
    """

    target: Target
    flash: int
    ram: int
    instructions: int | None
    measured: bool = False

    @property
    def bounded(self) -> bool:
        """Whether flash is an upper bound: nothing is known of the core's code."""
        return self.target.board is None

    def as_json(self) -> dict[str, Any]:
        """Return all of it by name, and what it takes of each part."""
        return {
            "flash_bytes": self.flash,
            "flash_is_bound": self.bounded,
            "arena_bytes": self.ram,
            "instructions": self.instructions,
            "parts": [fit.as_json() for fit in fits(self)],
        }


@dataclass(frozen=True)
class Fit:
    """How much of a part the C of a model takes."""

    needs: Needs
    device: Target

    @property
    def flash(self) -> float:
        """The share of the part's flash."""
        return self.needs.flash / (self.device.flash or 1)

    @property
    def ram(self) -> float:
        """The share of the part's RAM that arena and variables take."""
        return self.needs.ram / (self.device.ram or 1)

    @property
    def holds(self) -> bool:
        """Whether the part has room, for the program's own stack and variables, too."""
        return self.flash <= 1 and self.needs.ram + STACK_BYTES <= (self.device.ram or 0)

    @property
    def milliseconds(self) -> float | None:
        """What an inference takes, if no instruction waits for flash; None where nothing tells.

        Arm's table says how many cycles an instruction of ours takes on a Cortex-M4; elsewhere it is one.
        """
        if self.needs.instructions is None or self.device.mhz is None or self.device is not self.needs.target:
            return None
        return self.needs.instructions * cycles_each(self.device) / (self.device.mhz * 1000)

    def __str__(self) -> str:
        """Name the part, and what is taken of it."""
        most = "at most " if self.needs.bounded else ""
        return f"{self.device.part} (flash {most}{_percent(self.flash)}, RAM {_percent(self.ram)})"

    def as_json(self) -> dict[str, Any]:
        """Return all of it by name."""
        names = ("holds", "flash", "ram", "milliseconds")
        return {"part": self.device.part} | {name: getattr(self, name) for name in names}


def needs(graph: Graph, schedule: Schedule, target: Target, optimize: str) -> Needs:
    """Return what the plan of a model says of the C for a target."""
    ram = schedule.arena + Variables.of(graph).size
    constants = sum(step.constant_bytes for step in schedule.network.steps)
    try:
        told = estimate(graph, schedule, target.name)
    except EdgecnnError:  # nothing is known of it
        return Needs(target, constants + CODE_BYTES, ram, None)
    flash = constants + told.const_bytes + told.code_bytes
    # Kernels of one copy for all operators take more instructions, and nobody has counted how many.
    return Needs(target, flash, ram, told.instructions if optimize == "speed" else None)


def fits(needs: Needs) -> list[Fit]:
    """Return the parts that run the C, those that hold it and are smallest first; none for what has none."""
    isa = needs.target.isa
    found = [Fit(needs, device) for device in TARGETS.values() if device.part and isa in (device.isa, "c99")]
    return sorted(found, key=lambda fit: (not fit.holds, fit.device.flash or 0, fit.device.ram or 0))


def cycles_each(target: Target) -> float:
    """Return how many cycles an instruction takes on a target: 1.0 where nobody has counted."""
    return float(factors(target.name).get("cycles", 1.0))


def sentences(needs: Needs) -> list[str]:
    """Return what counts of a model on its target's part in a line, and in another what that rests on.

    Of a target that no part is named for, the parts that hold it are told; nothing, where there are none.
    """
    found = fits(needs)
    if chosen := [fit for fit in found if fit.device is needs.target]:
        return _of_part(chosen[0])
    return _of_parts(found) if found else []


def _of_part(fit: Fit) -> list[str]:
    part, needs = f"{_article(fit)} {fit}", fit.needs
    text = f"Fits {part}" if fit.holds else f"Does not fit {part}"
    if needs.instructions is None or fit.milliseconds is None:
        return [f"{text} (estimate)."]
    text += f", {rounded(needs.instructions)} instructions"
    each = cycles_each(fit.device)
    cycles = f"{each:g} cycles each, by Arm's table," if each != 1 else "one cycle each"
    off = f"by a model that is {factors(fit.device.name)['error']:.0%} off on average"
    known = "as QEMU counts them" if needs.measured else off
    return [
        f"{text}, about {_digits(fit.milliseconds)} ms at {fit.device.mhz} MHz (estimate).",
        f"Instructions {known}; time at {cycles} without waiting for flash.",
    ]


def _of_parts(found: Sequence[Fit]) -> list[str]:
    if not found[0].holds:
        return [f"Fits none of the parts that edgecnn knows (estimate): {', '.join(map(str, found))}."]
    return [
        f"Fits {_article(found[0])} {named(found)} (estimate).",
        "--part NAME makes the C for one, and tells its instructions and time.",
    ]


def named(found: Sequence[Fit]) -> str:
    """Return the parts that hold the C; where only a bound is known, the smallest and how many others."""
    held = [fit for fit in found if fit.holds]
    if len(held) > 1 and held[0].needs.bounded:
        return f"{held[0]} and {len(held) - 1} larger parts"
    return ", ".join(map(str, held)) or "none of the parts that edgecnn knows"


def _article(fit: Fit) -> str:
    return "an" if str(fit.device.part)[0] in _AN else "a"


def _percent(share: float) -> str:
    """Write a share, rounded up: nothing takes 0%."""
    return f"{ceil(100 * share):,}%"


def rounded(count: int, digits: int = 3) -> str:
    """Write a number of instructions with a few digits."""
    return f"{_digits(count / 1e6, digits)} M" if count >= _MANY else _digits(count, digits)


def _digits(value: float, digits: int = 3) -> str:
    """Write a number with a few digits, and zeros behind them where it is large."""
    return f"{float(f'{value:.{digits}g}'):,.15g}"
