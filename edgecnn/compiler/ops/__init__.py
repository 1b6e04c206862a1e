# SPDX-License-Identifier: Apache-2.0
"""One place per op, found by file name: `CONV_2D` lives in conv_2d.py, its C kernel in a .c file beside it.

A module here is an `Op`; `find` loads it when a model has such an operator, and no list names it. Its traits,
which the functions from `check_ranges` on ask for, are optional: a module without one says nothing.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Protocol

from numpy.typing import NDArray

from edgecnn.compiler import geometry, supported_ops
from edgecnn.compiler.geometry import Axis
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.steps import Step
from edgecnn.compiler.traits import Channels, Layout, Range
from edgecnn.errors import ModelError


class Op(Protocol):
    """What a module of this package offers."""

    def check(self, graph: Graph, operator: Operator) -> None:
        """Raise ModelError where this operator has a type or an option that is not supported."""

    def macs(self, graph: Graph, operator: Operator) -> int:
        """Return the multiplications of one inference."""

    def reference(self, graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return the output for the inputs that are not constants, bit for bit as TFLite's kernel."""

    def needs(self, graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
        """Return how many rows and columns of each input are read for so many of the output."""

    def lower(self, graph: Graph, operator: Operator) -> tuple[Step, ...]:
        """Return the ways in which rows can be computed, the fastest first."""


class Windowed(Op, Protocol):
    """What a module offers whose op has windows."""

    def axes(self, graph: Graph, operator: Operator) -> tuple[Axis, Axis]:
        """Return the vertical and the horizontal axis of the windows."""


class Composite(Protocol):
    """What a module of this package offers instead where its op is made of others."""

    def macs(self, graph: Graph, operator: Operator) -> int:
        """Return the multiplications of one inference."""

    def rewrite(self, graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
        """Return the operators that do the same; what is between them is appended to `tensors`."""


@cache
def find(op: str) -> Op | None:
    """Return the module of an op, or None where there is none."""
    module = f"{__name__}.{op.lower()}"
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", op) or find_spec(module) is None:
        return None
    loaded: Any = import_module(module)
    own: Op = loaded
    return own


def require(graph: Graph, operator: Operator) -> Op:
    """Return the module of an operator's op.

    Raises:
        ModelError: there is none; the message has those that are called nearly so.
    """
    op = find(operator.op)
    if op is None:
        of_shapes = graph.output(operator).dtype in ("int32", "int64")
        if of_shapes and (remedy := geometry.open_shapes(graph)):
            raise ModelError(f"{graph.describe(operator)} is not supported{remedy}")
        near = ", ".join(get_close_matches(operator.op, supported_ops()))
        raise ModelError(
            f"{graph.describe(operator)} is not supported"
            + (f"; near it are {near}" if near else "")
            + "; 'edgecnn compile --help' lists the ops that are"
        )
    return op


def check_ranges(graph: Graph, operator: Operator) -> None:
    """Check the scales of an operator, of whatever type, where TFLite ends the process on some.

    Raises:
        ModelError: it does on these.
    """
    check = getattr(find(operator.op), "check_ranges", None)
    if check is not None:
        check(graph, operator)


def unlike_reference(graph: Graph, operator: Operator) -> str:
    """Return why TFLite 2.14's reference kernel isn't what defines an operator; empty where it is."""
    unlike = getattr(find(operator.op), "unlike_reference", None)
    return unlike(graph, operator) if unlike is not None else ""


def defined_by_optimized(operator: Operator) -> bool:
    """Say whether TFLite 2.14's optimized kernel defines an operator."""
    return getattr(find(operator.op), "DEFINED_BY", "reference") == "optimized"


def litert_steps(operator: Operator) -> int | None:
    """Return how far ai-edge-litert 2.3's reference kernel is from what defines an operator, at most.

    tests/pipeline/test_oracle.py holds every op to it. None where LiteRT has no such kernel.
    """
    op = find(operator.op)
    return getattr(op, "LITERT_STEPS", 0) if op else None


def axes(graph: Graph, operator: Operator) -> tuple[Axis, Axis] | None:
    """Return the vertical and the horizontal axis of an operator with windows, or None where it has none."""
    of = getattr(require(graph, operator), "axes", None)
    return of(graph, operator) if of else None


def reads_padding(graph: Graph, operator: Operator) -> bool:
    """Tell whether an operator's windows reach into padding anywhere."""
    windows = axes(graph, operator)
    if windows is None:
        return False
    lengths, counts = graph.input(operator, 0).shape[1:3], graph.output(operator).shape[1:3]
    return any(
        axis.pad > 0 or axis.start(count - 1) + axis.extent > length
        for axis, count, length in zip(windows, counts, lengths, strict=True)
    )


def name(module: ModuleType) -> str:
    """Return the op that a module of this package is."""
    return module.__name__.rpartition(".")[2].upper()


def is_a(operator: Operator, *modules: ModuleType) -> bool:
    """Say whether an operator is an instance of one of the ops that modules of this package are."""
    return operator.op in map(name, modules)


def channels(graph: Graph, operator: Operator) -> Channels:
    """Return on which channels of its inputs those depend that an operator makes."""
    of = getattr(find(operator.op), "channels", None)
    kind: Channels = of(graph, operator) if of else Channels.MIXED
    return kind


def range_of(graph: Graph, operator: Operator, inputs: Sequence[Range]) -> Range | None:
    """Return what each channel can be that an operator makes, given those of its inputs; None if unknown."""
    of = getattr(find(operator.op), "range_of", None)
    if of is None or channels(graph, operator) is Channels.MIXED:
        return None
    output: Range = of(graph, operator, inputs)
    return output


def layout(operator: Operator) -> Layout | None:
    """Return where an operator that multiplies by weights has them; None for others."""
    of = getattr(find(operator.op), "layout", None)
    where: Layout | None = of(operator) if of else None
    return where


def passes_constants(operator: Operator) -> bool:
    """Say whether an operator makes a constant of a constant channel, the same if its clamp lets it."""
    return getattr(find(operator.op), "PASSES_CONSTANTS", False)


def known(graph: Graph, operator: Operator) -> bool:
    """Say whether what an operator makes is known when compiling, by its op's reference."""
    of = getattr(find(operator.op), "known", None)
    return of is not None and bool(of(graph, operator))


def takes_any_rows(operator: Operator) -> bool:
    """Say whether an operator reads the same of a map and of what a RESHAPE has made of it."""
    return getattr(find(operator.op), "TAKES_ANY_ROWS", False)


def makes_whole(operator: Operator) -> bool:
    """Say whether an operator makes its whole output or nothing, even where not all of it is read."""
    return getattr(find(operator.op), "MAKES_WHOLE", False)


def turned(graph: Graph, operator: Operator, tensors: list[Tensor]) -> Operator | None:
    """Return an operator that does to columns what another does to rows, and the reverse.

    What it needs of constants is appended to `tensors`. None where its op knows no such.
    """
    of = getattr(find(operator.op), "turned", None)
    other: Operator | None = of(graph, operator, tensors) if of else None
    return other


def column_producer(step: Step) -> bool:
    """Say whether a step can make its output some columns at a time."""
    of = getattr(find(step.operator.op), "column_producer", None)
    return of is not None and bool(of(step))


def column_consumer(step: Step) -> bool:
    """Say whether a step can take its input some columns at a time."""
    of = getattr(find(step.operator.op), "column_consumer", None)
    return of is not None and bool(of(step))
