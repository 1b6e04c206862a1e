# SPDX-License-Identifier: Apache-2.0
"""One place per op, found by file name: `CONV_2D` lives in conv_2d.py, its C kernel in a .c file beside it.

A module here is an `Op`; `find` loads it when a model has such an operator, and no list names it.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, cast

from numpy.typing import NDArray

from edgecnn.compiler.geometry import Axis
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.steps import Step
from edgecnn.errors import ModelError

_ZERO_POINTS = ("input_zero_point", "output_zero_point", "first_offset", "second_offset", "bias")


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


class Kernel(Protocol):
    """What a module beside an op offers: `_conv_2d_dsp.py` for the faster kernel `conv_2d.dsp.c`."""

    def faster(self, graph: Graph, step: Step) -> tuple[Step, ...]:
        """Return the ways to do what the portable `step` does, the fastest first; none where it can't."""


@cache
def find(op: str) -> Op | None:
    """Return the module of an op, or None where there is none."""
    module = f"{__name__}.{op.lower()}"
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", op) or find_spec(module) is None:
        return None
    return cast(Op, import_module(module))


def require(graph: Graph, operator: Operator) -> Op:
    """Return the module of an operator's op.

    Raises:
        ModelError: there is none; the message has those that are called nearly so.
    """
    op = find(operator.op)
    if op is None:
        near = ", ".join(get_close_matches(operator.op, supported()))
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


def axes(graph: Graph, operator: Operator) -> tuple[Axis, Axis] | None:
    """Return the vertical and the horizontal axis of an operator with windows, or None where it has none."""
    found = getattr(require(graph, operator), "axes", None)
    return found(graph, operator) if found else None


def lower(graph: Graph, operator: Operator, isa: str) -> tuple[Step, ...]:
    """Return the ways in which rows can be computed with an instruction set, the fastest first.

    Where there is no faster kernel, or it can't do what an operator asks for, the portable one stays. Over
    int16 that is `conv_2d.int16.c`, say, or a kernel that only moves bytes and serves all types.

    Raises:
        ModelError: the op is not supported.
    """
    ways: list[Step] = []
    for step in require(graph, operator).lower(graph, operator):
        if len(step.inputs) != len(step.windows):
            raise ModelError(
                f"{graph.describe(operator)} has {len(step.inputs)} inputs; {len(step.windows)} are supported"
            )
        is_int16 = any(graph.tensors[i].dtype == "int16" for i in (*step.inputs, step.output))
        ways += (_over_int16(step),) if is_int16 else _faster(graph, step, isa) or (step,)
    return tuple(ways)


def _over_int16(step: Step) -> Step:
    kernel = f"{step.kernel}.int16"
    if not (Path(__file__).parent / f"{kernel}.c").exists():
        return step
    # Zero points are 0, and have no fields there.
    params = {
        name: value
        for name, value in step.params.items()
        if name not in _ZERO_POINTS or not isinstance(value, int) or value
    }
    return replace(step, kernel=kernel, params=params)


def _faster(graph: Graph, step: Step, isa: str) -> tuple[Step, ...]:
    module = f"{__name__}._{step.kernel}_{isa}"
    if find_spec(module) is None:
        return ()
    return cast(Kernel, import_module(module)).faster(graph, step)


def supported() -> list[str]:
    """Return the names of all ops that have a module here."""
    return sorted(path.stem.upper() for path in Path(__file__).parent.glob("[a-z]*.py"))
