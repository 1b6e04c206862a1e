# SPDX-License-Identifier: Apache-2.0
"""One room per instruction set: its header, how it wants weights packed, and its kernels.

A kernel is a C file and a module side by side, named after the portable kernel whose place it takes:
`dsp/conv_2d.c` and `dsp/conv_2d.py`. Over other types than int8, the types stand in the C file's name, as
they do for portable kernels: `ops/conv_2d.s16.c`.
"""

from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.steps import Step
from edgecnn.errors import ModelError

_ZERO_POINTS = ("input_zero_point", "output_zero_point", "first_offset", "second_offset", "bias")
_PORTABLE = "c99"


class Kernel(Protocol):
    """What a module of a room offers."""

    def faster(self, graph: Graph, step: Step) -> tuple[Step, ...]:
        """Return the ways to do what the portable `step` does, the fastest first; none where it can't."""


def lower(graph: Graph, operator: Operator, isa: str) -> tuple[Step, ...]:
    """Return the ways in which rows can be computed with an instruction set, the fastest first.

    Where there is no faster kernel, or it can't do what an operator asks for, the portable one stays. Over
    int16 that is `ops/conv_2d.s16.c`, say, or a kernel that only moves bytes and serves all types.

    Raises:
        ModelError: the op is not supported.
    """
    ways: list[Step] = []
    for step in ops.require(graph, operator).lower(graph, operator):
        if len(step.inputs) != len(step.windows):
            raise ModelError(
                f"{graph.describe(operator)} has {len(step.inputs)} inputs; {len(step.windows)} are supported"
            )
        is_int16 = any(graph.tensors[i].dtype == "int16" for i in (*step.inputs, step.output))
        ways += (_over_int16(step),) if is_int16 else _faster(graph, step, isa) or (step,)
    return tuple(ways)


def _over_int16(step: Step) -> Step:
    typed = replace(step, types="s16")
    if not typed.file.exists():
        return step
    # Zero points are 0, and have no fields there.
    params = {
        name: value
        for name, value in step.params.items()
        if name not in _ZERO_POINTS or not isinstance(value, int) or value
    }
    return replace(typed, params=params)


def _faster(graph: Graph, step: Step, isa: str) -> tuple[Step, ...]:
    if isa == _PORTABLE:
        return ()
    room = f"{__name__}.{isa}"
    if find_spec(f"{room}.{step.kernel}") is None:
        base = getattr(import_module(room), "BASE", _PORTABLE)
        return _faster(graph, step, base)
    return cast(Kernel, import_module(f"{room}.{step.kernel}")).faster(graph, step)
