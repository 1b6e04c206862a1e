# SPDX-License-Identifier: Apache-2.0
"""How far what one model computes is from what another does, operator by operator."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCHEMA = 1  # of the JSON
LEAST_DB = (
    20.0  # an operator that is worse by itself is where two models part: a tenth of the signal is noise
)
COLUMNS = ("operator", "makes", "dB", "by itself", "largest", "clamped", "bytes differ")
SPARE = ("makes", "clamped", "bytes differ")
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class OperatorDrift:
    """What an operator of the second model makes, against the same tensor of the first.

    Attributes:
        index: of the operator in the second model.
        op: its kind.
        name: of its output.
        shape: of that.
        snr_db: ratio of the first model's values to their differences, in decibels; None: none differs.
        own_snr_db: the same where the operator gets the first model's values: what it loses by itself.
        own: whether that is known.
        largest: of the differences, in real numbers.
        clamped: part of its values that are at an end of their type and not at zero.
        different: part of the values that differ, of integers of the same scale.
        steps: of those, how many differ by 1, 2, 3 and by more.
    """

    index: int
    op: str
    name: str
    shape: tuple[int, ...]
    snr_db: float | None
    own_snr_db: float | None
    own: bool
    largest: float
    clamped: float | None
    different: float | None
    steps: tuple[int, ...] = ()

    @property
    def parts(self) -> bool:
        """Whether it is here that the models part, whatever came before."""
        if not self.own:
            return False
        if self.different is not None:  # integers of one scale: nothing may differ
            return self.own_snr_db is not None
        return self.own_snr_db is not None and self.own_snr_db < LEAST_DB

    @property
    def title(self) -> str:
        """Its number and kind."""
        return f"{self.index} {self.op}"

    def row(self) -> tuple[str, ...]:
        """Return the cells of a table's row, in the order of `COLUMNS`."""
        return (
            self.title,
            "x".join(map(str, self.shape[1:])),
            decibels(self.snr_db),
            decibels(self.own_snr_db) if self.own else "-",
            f"{self.largest:.4g}",
            "-" if self.clamped is None else f"{self.clamped:.1%}",
            "-" if self.different is None else f"{self.different:.1%}",
        )


@dataclass(frozen=True)
class MovedImage:
    """An input whose answer moves much.

    Attributes:
        name: of the file, or its number.
        largest: difference in an output, in real numbers.
        changed: whether another class is the most probable.
    """

    name: str
    largest: float
    changed: bool


@dataclass(frozen=True)
class Drift:
    """Two models on the same inputs.

    Attributes:
        first: the model that counts as right.
        second: the other.
        inputs: how many there were.
        operators: in the order of the second model.
        images: those whose answers move most.
        changed: how many answers have another class.
        advice: what is wrong, where the cause is known.
    """

    first: str
    second: str
    inputs: int
    operators: tuple[OperatorDrift, ...]
    images: tuple[MovedImage, ...]
    changed: int
    advice: tuple[str, ...]

    @property
    def parting(self) -> OperatorDrift | None:
        """The first operator where the models part; None where none does."""
        return next((operator for operator in self.operators if operator.parts), None)

    @property
    def title(self) -> str:
        """Which models on what."""
        return f"{self.second} against {self.first}, {self.inputs} inputs"

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return columns and rows as text."""
        return COLUMNS, [operator.row() for operator in self.operators]

    def sentences(self) -> list[str]:
        """Return what the figures mean."""
        lines = []
        if (at := self.parting) is not None:
            lines.append(f'they part at {at.title} "{at.name}": {decibels(at.own_snr_db)} dB by itself')
        elif all(operator.snr_db is None for operator in self.operators):
            lines.append("nothing differs")
        else:
            lines.append("they part at no single operator: what differs adds up")
        moved = ", ".join(f"{image.name} ({image.largest:.3g})" for image in self.images)
        lines.append(
            f"{self.changed} of {self.inputs} answers change" + (f"; most: {moved}" if moved else "")
        )
        return [*lines, *self.advice]

    def as_json(self) -> dict[str, Any]:
        """Return all of it by name."""
        parting = self.parting
        return asdict(self) | {"parting": parting and parting.index}


def as_json(drifts: Sequence[Drift]) -> dict[str, Any]:
    """Return what a file of drifts holds."""
    return {"schema": SCHEMA, "drifts": [drift.as_json() for drift in drifts]}


def snr_db(first: Reals, second: Reals) -> float | None:
    """Return the signal-to-noise ratio in decibels, the difference being the noise; None: there is none."""
    noise = float(np.square(first - second).sum())
    if noise == 0:
        return None
    signal = float(np.square(first).sum())
    return 10 * math.log10(signal / noise) if signal else -math.inf


def decibels(value: float | None) -> str:
    """Return a ratio as a table has it; without noise it is infinite."""
    return "equal" if value is None else f"{value:.1f}"
