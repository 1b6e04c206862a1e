# SPDX-License-Identifier: Apache-2.0
"""One room per instruction set: its header, how it wants weights packed, and its kernels.

A kernel is a C file and a module side by side, named after the portable kernel whose place it takes:
`dsp/conv_2d.c` and `dsp/conv_2d.py`. Over other types than int8, the types stand in both names: in the
place of `ops/conv_2d.s16.c` comes `dsp/conv_2d.s16.c`, with `dsp/conv_2d_s16.py`. A kernel for sparse
weights, `scalar/fully_connected_sparse.c`, is asked before the others of its name.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import PORTABLE
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
    for variant in _VARIANTS:
        module = _module(isa, step.kernel.function + variant)
        if module and (ways := cast(Kernel, import_module(module)).faster(graph, step)):
            return ways
    return ()


def _module(isa: str, kernel: str) -> str:
    """Return the module of a kernel in a room, or in one whose kernels serve where it has none."""
    if isa == PORTABLE:
        return ""
    room = f"{__name__}.{isa}"
    if find_spec(f"{room}.{kernel}") is not None:
        return f"{room}.{kernel}"
    return _module(getattr(import_module(room), "BASE", PORTABLE), kernel)
