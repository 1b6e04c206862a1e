# SPDX-License-Identifier: Apache-2.0
"""One room per instruction set: its header, how it wants weights packed, and its kernels.

A kernel is a C file and a module side by side, named after the portable kernel whose place it takes:
`dsp/conv_2d.c` and `dsp/conv_2d.py`. Over other types than int8, the types stand in both names: in the
place of `ops/conv_2d.s16.c` comes `dsp/conv_2d.s16.c`, with `dsp/conv_2d_s16.py`. A kernel for sparse
weights, `scalar/fully_connected_sparse.c`, is asked before the others of its name. One over weights of four
bits, `dsp/conv_2d_s8w4.py`, has the C of that over int8, with primitives of `dsp/s8w4.h`; where there is none
as near as int8's, weights are stored in eight bits.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import PORTABLE
from edgecnn.compiler.ops._linear import widened
from edgecnn.compiler.steps import Step
from edgecnn.errors import ModelError

_VARIANTS = ("_sparse", "")  # kernels of one name: the first that has a way serves


class Kernel(Protocol):
    """What a module of a room offers."""

    def faster(self, graph: Graph, step: Step) -> tuple[Step, ...]:
        """Return the ways to do what the portable `step` does, the fastest first; none where it can't."""


def lower(graph: Graph, operator: Operator, isa: str) -> tuple[Step, ...]:
    """Return the ways in which rows can be computed with an instruction set, the fastest first.

    Where there is no faster kernel, or it can't do what an operator asks for, the portable one stays.

    Raises:
        ModelError: the op is not supported, or none of its kernels serves the operator's types.
    """
    ways = _ways(graph, operator, isa)
    if any(step.kernel.narrow and not step.kernel.isa for step in ways):
        wide = _ways(widened(graph, operator), operator, isa)
        return wide if any(step.kernel.isa for step in wide) else ways
    return ways


def _ways(graph: Graph, operator: Operator, isa: str) -> tuple[Step, ...]:
    ways: list[Step] = []
    for step in ops.require(graph, operator).lower(graph, operator):
        if len(step.inputs) != len(step.windows):
            raise ModelError(
                f"{graph.describe(operator)} has {len(step.inputs)} inputs; {len(step.windows)} are supported"
            )
        _check_types(graph, step)
        ways += _faster(graph, step, isa) or (step,)
    return tuple(ways)


def _check_types(graph: Graph, step: Step) -> None:
    dtypes = dict.fromkeys(graph.tensors[i].dtype for i in (*step.inputs, step.output))
    if not all(map(step.kernel.serves, dtypes)):
        raise ModelError(
            f"{graph.describe(step.operator)} is over {' and '.join(dtypes)}, for which there is no kernel; "
            f"{' and '.join(step.kernel.activations)} is supported: convert the model anew"
        )


def _faster(graph: Graph, step: Step, isa: str) -> tuple[Step, ...]:
    plain = step.kernel.name if step.kernel.narrow else ""
    for variant in _VARIANTS:
        module = _module(isa, step.kernel.function + variant, plain)
        if module and (ways := cast(Kernel, import_module(module)).faster(graph, step)):
            return ways
    return ()


def _module(isa: str, kernel: str, plain: str = "") -> str:
    """Return the module of a kernel in a room, or in one whose kernels serve where it has none.

    None is farther than that of `plain`, the same over int8.
    """
    if isa == PORTABLE:
        return ""
    room = f"{__name__}.{isa}"
    if find_spec(f"{room}.{kernel}") is not None:
        return f"{room}.{kernel}"
    if plain and find_spec(f"{room}.{plain}") is not None:
        return ""
    return _module(getattr(import_module(room), "BASE", PORTABLE), kernel, plain)
