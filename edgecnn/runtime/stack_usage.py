# SPDX-License-Identifier: Apache-2.0
"""The worst stack of a C function, from the call graph that GCC writes with -fcallgraph-info=su."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# The label of a function that GCC compiled ends in its frame: `f\np.c:5:5\n376 bytes (static)`.
_NODE = re.compile(
    r'^node: \{ title: "([^"]*)" label: "[^"]*?(\d+) bytes \((?:static|dynamic,bounded)\)', re.M
)
_EDGE = re.compile(r'^edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"', re.M)


@dataclass(frozen=True)
class StackBound:
    """How deep a call can get.

    Attributes:
        bytes: stack of the deepest path through the call graph.
        unknown: functions on any path whose own stack is not in `bytes`: from a library, called through
            a pointer, recursive, or with arrays of variable length. If none, `bytes` can't be exceeded.
    """

    bytes: int
    unknown: tuple[str, ...]


def worst_stack(call_graphs: Iterable[str], entry: str) -> StackBound:
    """Find the deepest path from the function `entry` through the text of GCC's .ci files, one per object."""
    frames: dict[str, int] = {}
    callees: dict[str, set[str]] = {}
    for text in call_graphs:
        frames.update((name, int(size)) for name, size in _NODE.findall(text))
        for caller, callee in _EDGE.findall(text):
            callees.setdefault(caller, set()).add(callee)
    unknown: set[str] = set()
    depths: dict[str, int] = {}

    def depth(name: str, path: tuple[str, ...]) -> int:
        if name in path or name not in frames:
            unknown.add(name)
        if name in path:
            return 0
        if name not in depths:
            below = (depth(callee, (*path, name)) for callee in callees.get(name, ()))
            depths[name] = frames.get(name, 0) + max(below, default=0)
        return depths[name]

    return StackBound(depth(entry, ()), tuple(sorted(unknown)))
