# SPDX-License-Identifier: Apache-2.0
"""JSON in which one value is replaced by another: of the wrong type, without bounds, or gone."""

import copy
import json
from collections.abc import Iterator
from typing import Any

DEEP: Any = []
for _ in range(300):
    DEEP = [DEEP]
OTHERS: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    10**30,
    float("nan"),
    "x",
    "\ud800",
    [],
    {"x": {"y": 0}},
    DEEP,
)
GONE = object()


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Name every value in JSON by the keys that lead to it; of a list its first."""
    yield place
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*place, name))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*place, 0))


def changed(value: Any, place: tuple[Any, ...], other: Any) -> Any:
    """Return a copy with the value at a place replaced, or gone."""
    if not place:
        return other
    result = copy.deepcopy(value)
    inner = result
    for key in place[:-1]:
        inner = inner[key]
    if other is GONE:
        del inner[place[-1]]
    else:
        inner[place[-1]] = other
    return result


def damages(content: Any) -> Iterator[str]:
    for place in places(content):
        for other in (*OTHERS, *((GONE,) if place else ())):
            yield json.dumps(changed(content, place, other))
