# SPDX-License-Identifier: Apache-2.0
"""Values from outside are of the type that a reader expects, or one line says where they are not."""

import json
from typing import Annotated, Any, Literal, TypedDict

import pytest

from edgecnn.errors import RunError
from edgecnn.values import Between, check, parse_json


class Inner(TypedDict, total=False):
    share: Annotated[float, Between(0, 1)]


class Outer(TypedDict):
    name: str
    sizes: tuple[int, int]
    kind: Literal["a", "b", 1]
    parts: dict[str, list[Inner]]
    patience: Annotated[int, Between(1, 9)] | None


GOOD: dict[str, Any] = {
    "name": "x",
    "sizes": [1, 2],
    "kind": "a",
    "parts": {"p": [{"share": 1}, {"further": [None]}]},
    "patience": None,
}


def test_what_is_as_it_should_be_is_taken() -> None:
    for change in ({}, {"kind": 1}, {"patience": 9}, {"parts": {}}, {"further": {"x": 1.5}}):
        check({**GOOD, **change}, Outer)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": 1}, "name is 1, not a text"),
        ({"name": None}, "name is null, not a text"),
        ({"sizes": [1]}, r"sizes is \[1\], not a list of 2"),
        ({"sizes": [1, True]}, r"sizes\[1\] is true, not a whole number"),
        ({"sizes": [1, 2.0]}, r"sizes\[1\] is 2\.0, not a whole number"),
        ({"sizes": {"0": 1}}, "sizes is .*, not a list"),
        ({"kind": True}, "kind is true, not one of a, b, 1"),
        ({"kind": []}, r"kind is \[\], not one of"),
        ({"parts": []}, r"parts is \[\], not an object"),
        ({"parts": {"p": [{"share": 1.5}]}}, r"parts\.p\[0\]\.share is 1\.5, not from 0 to 1"),
        ({"parts": {"p": [{"share": "1"}]}}, r"parts\.p\[0\]\.share is \"1\", not a number"),
        ({"parts": {"p": [7]}}, r"parts\.p\[0\] is 7, not an object"),
        ({"patience": 0}, "patience is 0, not from 1 to 9"),
        ({"name": "x" * 99, "sizes": "y" * 99}, r"sizes is \"y{55} \.\.\., not a list"),
    ],
)
def test_what_is_not_is_named_with_its_place(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}"):
        check({**GOOD, **change}, Outer)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match=r"^it lacks kind, name$"):
        check({name: GOOD[name] for name in ("sizes", "parts", "patience")}, Outer)


@pytest.mark.parametrize(
    "further",
    [
        "NaN",
        "-Infinity",
        "1e999",
        "1" + 30 * "0",
        "9" * 5000,
        '"\\ud800"',
        '{"\\u0000": 1}',
        "[" * 40 + "]" * 40,
        "[" * 99999,
        "{",
    ],
)
def test_monsters_are_refused_wherever_they_are(further: str) -> None:
    text = json.dumps(GOOD)[:-1] + f', "further": {further}}}'
    with pytest.raises(RunError, match=r"^run\.json is damaged \(") as refused:
        parse_json(text, Outer, "run.json is damaged", RunError)
    assert len(str(refused.value)) < 200
