# SPDX-License-Identifier: Apache-2.0
"""Values that come from outside: what types they have, in which bounds, and how that is checked.

A file that edgecnn wrote may come back damaged, or from a stranger. What is read is described by TypedDicts
or dataclasses, whose numbers may be `Annotated` with a `Between`; keys that they don't name are let through.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from math import isfinite
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from edgecnn.errors import EdgecnnError
from edgecnn.files import read_bytes

MOST_BYTES = 64 << 20  # of a file of figures; the largest that edgecnn writes has less than one MB
_DEPTH = 32
LARGEST = 1 << 63


@dataclass(frozen=True)
class Between:
    """The least and the greatest value that a number may have."""

    least: float
    greatest: float


# One place for what an option of the command line and what is read back may be.
SIDE = Between(1, 4096)  # pixels
EPOCHS = Between(1, 100_000)
BATCH = Between(1, 65_536)
RATE = Between(1e-12, 1000)
# How a picture becomes a model's pixels: see data/resize.py. The first of each is edgecnn's own.
FITS, RESIZES, ORDERS = ("squash", "crop", "pad"), ("triangle", "bilinear"), ("RGB", "BGR")
SEED = Between(0, 2**32 - 1)
THREADS = Between(1, 256)  # with thousands, TensorFlow doesn't come to its end
RUNS = Between(1, 1_000_000)  # inferences that are timed
PHANTOMS = Between(33, 1_000_000)  # images that are drawn, in all
CLASSES = Between(2, 10_000)

Side = Annotated[int, SIDE]
Epochs = Annotated[int, EPOCHS]
Share = Annotated[float, Between(0, 1)]
Count = Annotated[int, Between(0, 2**53)]


def amount(text: str, kilo: int) -> int | None:
    """Return the number that text such as 20000, 20K or 1M stands for; None: it is no such text.

    Args:
        text: digits, and perhaps a K or M behind them.
        kilo: what a K stands for: 1024 of bytes, 1000 of what is counted.
    """
    match = re.fullmatch(r"([0-9]{1,12})([kKmM]?)", text)
    if match is None or not int(match[1]):
        return None
    return int(match[1]) * int(kilo ** ("", "k", "m").index(match[2].lower()))


def read_json(path: Path, kind: Any, what: str, error: type[EdgecnnError]) -> Any:
    """Return what a JSON file holds, checked to be of a type, which the message calls `what`.

    Raises:
        EdgecnnError: as the subclass `error`: it can't be read, is no JSON, or is not of that type.
    """
    wrong = f"{path} is damaged: it does not hold {what}"
    return parse_json(read_bytes(path, MOST_BYTES, error), kind, wrong, error)


def parse_json(text: bytes | str, kind: Any, wrong: str, error: type[EdgecnnError]) -> Any:
    """Return the value of JSON text, as `read_json` does; the message begins with `wrong`."""
    try:
        value = json.loads(text, parse_constant=_no_number)
        _refuse_monsters(value)
        check(value, kind)
    except (ValueError, RecursionError) as reason:
        told = "it is nested too deep" if isinstance(reason, RecursionError) else reason
        raise error(f"{wrong} ({told})") from reason
    return value


def check(value: object, kind: Any, where: str = "it") -> None:
    """Check that a value, as JSON holds it, is of a type.

    Args:
        value: what was read.
        kind: a TypedDict or dataclass, list, dict, tuple (of fixed length, or `tuple[X, ...]`), Literal,
            `X | None`, Annotated with a Between, or a scalar.
        where: what the message calls it.

    Raises:
        ValueError: it is not; the message says what it is and what it should be.
    """
    if is_typeddict(kind) or is_dataclass(kind):
        _check_keys(value, kind, where)
    elif get_origin(kind) is Annotated:
        check(value, get_args(kind)[0], where)
        bounds = get_args(kind)[1]
        assert isinstance(value, int | float)
        within = bounds.least <= value <= bounds.greatest
        _require(within, value, where, f"from {bounds.least:,g} to {bounds.greatest:,g}")
    elif get_origin(kind) in (Union, UnionType):
        [of] = [part for part in get_args(kind) if part is not NoneType]
        if value is not None:
            check(value, of, where)
    elif get_origin(kind) is Literal:
        options = get_args(kind)
        known = any(value == option and type(value) is type(option) for option in options)
        _require(known, value, where, f"one of {', '.join(map(str, options))}")
    elif get_origin(kind) in (list, dict, tuple):
        for place, part, of in _parts(value, kind, where):
            check(part, of, place)
    else:
        _require(_is_scalar(value, kind), value, where, _NAMES[kind])


def construct(value: Any, kind: Any) -> Any:
    """Return a value that `check` has let pass as its type says: objects as dataclasses, lists as tuples.

    Keys that a dataclass doesn't name are left out.
    """
    if value is None:
        return None
    origin, kinds = get_origin(kind), get_args(kind)
    if origin in (Annotated, Union, UnionType):  # Annotated: its bounds are behind the type
        [of] = kinds[:1] if origin is Annotated else (part for part in kinds if part is not NoneType)
        value = construct(value, of)
    elif is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        make: Any = kind
        value = make(**{name: construct(value[name], of) for name, of in hints.items() if name in value})
    elif origin is dict:
        value = {name: construct(part, kinds[1]) for name, part in value.items()}
    elif origin is tuple:
        value = tuple(construct(part, of) for part, of in zip(value, _each(kinds, value), strict=True))
    return value


def as_json(figures: Any) -> dict[str, Any]:
    """Return a dataclass as an object for JSON, from which `construct` makes it again.

    An optional field that has no value is left out.
    """
    left_out = {field.name for field in fields(figures) if field.default is None}
    return {
        name: value for name, value in asdict(figures).items() if value is not None or name not in left_out
    }


_NAMES = {
    int: "a whole number", float: "a number", str: "a text", bool: "true or false", NoneType: "null",
    dict: "an object", list: "a list", tuple: "a list",
}  # fmt: skip


def _is_scalar(value: object, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _check_keys(value: object, kind: Any, where: str) -> None:
    _require(isinstance(value, dict), value, where, "an object")
    assert isinstance(value, dict)
    if missing := sorted(_required(kind) - value.keys()):
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    for name, of in get_type_hints(kind, include_extras=True).items():
        if name in value:
            check(value[name], of, name if where == "it" else f"{where}.{name}")


def _required(kind: Any) -> set[str]:
    if is_typeddict(kind):
        return set(kind.__required_keys__)
    return {
        field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING
    }


def _each(kinds: tuple[Any, ...], values: list[Any]) -> tuple[Any, ...]:
    """Return the type of each item of a list that is read as `tuple[kinds]`."""
    return kinds[:1] * len(values) if kinds[-1] is Ellipsis else kinds


def _parts(value: object, kind: Any, where: str) -> Iterator[tuple[str, object, Any]]:
    """Take a list, an object or a list of fixed length apart: the name, value and type of each part."""
    origin, kinds = get_origin(kind), get_args(kind)
    if origin is dict:
        _require(isinstance(value, dict), value, where, "an object")
        assert isinstance(value, dict)
        yield from ((f"{where}.{name}", part, kinds[1]) for name, part in value.items())
        return
    _require(isinstance(value, list), value, where, "a list")
    assert isinstance(value, list)
    each = _each(kinds, value) if origin is tuple else kinds * len(value)
    _require(len(value) == len(each), value, where, f"a list of {len(each)}")
    yield from ((f"{where}[{index}]", *pair) for index, pair in enumerate(zip(value, each, strict=True)))


def _require(condition: bool, value: object, where: str, what: str) -> None:
    if not condition:
        said = json.dumps(value)
        raise ValueError(f"{where} is {said if len(said) < 60 else said[:56] + ' ...'}, not {what}")


def _no_number(name: str) -> None:
    raise ValueError(f"it holds {name}, which is no JSON")


def _refuse_monsters(value: object) -> None:
    """Refuse, wherever it is, what no reader of ours expects: depth, numbers without end, text that isn't."""
    level = [value]
    for _ in range(_DEPTH):
        inner: list[object] = []
        for part in level:
            _refuse_monster(part)
            if isinstance(part, dict | list):
                inner += part.values() if isinstance(part, dict) else part
        level = inner
    if level:
        raise ValueError("it is nested too deep")


def _refuse_monster(part: object) -> None:
    if isinstance(part, int | float) and not (-LARGEST <= part <= LARGEST and isfinite(part)):
        raise ValueError("it holds a number without bounds")
    for text in (part,) if isinstance(part, str) else part if isinstance(part, dict) else ():
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ValueError(f"it holds a text that is none: {ascii(text)[:40]}")
