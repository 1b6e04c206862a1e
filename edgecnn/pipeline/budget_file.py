# SPDX-License-Identifier: Apache-2.0
"""budget.toml: the limits of a model, beside it, for one or several devices.

data = "photos"        # where accuracy or loss is limited; from where the file is
tolerance = 2          # percent, or points, that figures may be worse than --against

[STM32F411CE]          # a part or a target; a part brings its own flash and RAM
flash = "64K"
ram = "16K"
stack = "1K"
instructions = "20M"
accuracy = 0.9
loss = 1.0
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgecnn.compiler.targets import KIB, PARTS, STACK_BYTES, TARGETS
from edgecnn.errors import DataError, did_you_mean
from edgecnn.evaluation.budget import RESOURCES
from edgecnn.files import read_text
from edgecnn.pipeline.budget import Limits
from edgecnn.values import amount

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "budget.toml"
_MOST_BYTES = 1 << 20
_KILO = {"flash": KIB, "ram": KIB, "stack": KIB, "instructions": 1000}
_MOST = {"accuracy": 1.0, "loss": 100.0}


@dataclass(frozen=True)
class BudgetFile:
    """What it says: limits for each device, where the images are, and by how much figures may be worse."""

    limits: tuple[Limits, ...]
    data: Path | None
    tolerance: float


def beside(model: Path) -> Path:
    """Return where the budget of a .tflite file or run would be."""
    return (model if model.is_dir() else model.parent) / NAME


def of_part(part: str) -> dict[str, float]:
    """Return the flash of a part, and what of its RAM is left for a model."""
    target = PARTS[part]
    assert target.flash is not None, "rows of targets have all three, or none"
    assert target.ram is not None, "rows of targets have all three, or none"
    return {"flash": target.flash, "ram": target.ram - STACK_BYTES}


def read_budget(path: Path) -> BudgetFile:
    """Return what a budget.toml says.

    Raises:
        DataError: it can't be read, or says what no budget can.
    """
    try:
        content = tomllib.loads(read_text(path, DataError, _MOST_BYTES))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DataError(f"{path} is no TOML: {error}") from error
    tables = {name: value for name, value in content.items() if isinstance(value, dict)}
    others = {name: value for name, value in content.items() if name not in tables}
    if not tables:
        raise DataError(f"{path} names no device; give a table for each, such as [STM32F411CE]")
    _refuse_unknown(path, "it", others, ("data", "tolerance"))
    data, tolerance = others.get("data"), others.get("tolerance", 0)
    if data is not None and not isinstance(data, str):
        raise DataError(f"{path}: data is {data!r}; it must be the path of a folder in quotes")
    return BudgetFile(
        tuple(_limits(path, name, table) for name, table in tables.items()),
        None if data is None else path.parent / data,
        _number(path, "tolerance", tolerance, 1e6),
    )


def _limits(path: Path, name: str, table: Mapping[str, Any]) -> Limits:
    known = [*PARTS, *TARGETS]
    if name not in known:
        raise DataError(
            f"{path}: [{name}] is no part and no target; 'edgecnn targets' lists them."
            f"{did_you_mean(name, known)}"
        )
    _refuse_unknown(path, f"[{name}]", table, RESOURCES)
    most = {
        resource: _limit(path, f"{name}.{resource}", resource, value) for resource, value in table.items()
    }
    if name in PARTS:
        return Limits(PARTS[name].name, name, of_part(name) | most)
    return Limits(name, None, most)


def _limit(path: Path, where: str, resource: str, value: object) -> float:
    if resource in _MOST:
        return _number(path, where, value, _MOST[resource])
    whole = isinstance(value, int) and not isinstance(value, bool)
    number = amount(str(value), _KILO[resource]) if whole or isinstance(value, str) else None
    if number is None:
        raise DataError(f'{path}: {where} is {value!r}; write a number, or one with K or M, such as "20K"')
    return number


def _number(path: Path, where: str, value: object, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise DataError(f"{path}: {where} is {value!r}; it must be a number from 0 to {most:g}")
    return float(value)


def _refuse_unknown(path: Path, where: str, table: Mapping[str, Any], known: Any) -> None:
    for name in table:
        if name not in known:
            raise DataError(
                f"{path}: {where} has {name}, which is none of {', '.join(known)}.{did_you_mean(name, known)}"
            )
