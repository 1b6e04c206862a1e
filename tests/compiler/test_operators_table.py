# SPDX-License-Identifier: Apache-2.0
"""docs/operators.md: which op has which kernel on which target, as the tests on targets cover them."""

from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from every_op import networks_of_every_op, networks_over_int16
from random_operators import KINDS, Draw
from tflite_builder import Builder

from edgecnn.compiler import ops, supported_ops
from edgecnn.compiler.compile import run_passes
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.scheduling.measure import lower
from edgecnn.compiler.steps import INPUT
from edgecnn.compiler.targets import TARGETS

TABLE = Path(__file__).parents[2] / "docs" / "operators.md"
HEAD = """\
# Operators and targets

<!-- Written by: python -m pytest tests/compiler/test_operators_table.py --update-golden -->

Every op is verified on every target, byte for byte (`tests/compiler/test_on_targets.py`). A cell names the
kernel. `c` is portable C99; another one is written for the target's instructions, and leaves to `c` the
operators that it is not made for. `-` is no kernel: the op becomes others, or stands at a model's edge.

Activations are int8 with one scale, weights int8 with a scale for the tensor or for each channel, biases
int32; the batch is 1, and a tensor has at most 4 dimensions. NONE, RELU, RELU_N1_TO_1 and RELU6 may be fused.
Inputs and outputs that the file has as floats, or as uint8, are integers to the C (uint8 less 128).
Networks over uint8 throughout, whose weights have a zero point, as TensorFlow 1 made them, become such over
int8 that compute the same bytes.

Ops with a yes under int16 take activations of 16 bits, too, as TensorFlow's converter makes them with
`EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8`: zero points are 0, weights stay int8, biases
are int64. Their kernels are portable C on all targets.

Weights may be int4, two in a byte. Kernels that take them so are for NARROW. With another
set of instructions, int8's kernel gets them spread over bytes, and the C computes the same.

An operator beyond that is refused in one line that names it and says what is possible.

"""


def table() -> str:
    """Return the text of the page."""
    kernels = {isa: kernels_of_ops(isa) for isa in dict.fromkeys(target.isa for target in TARGETS.values())}
    over_int16 = {op for model in networks_over_int16() for op in ops_of(model)}
    columns = ["op", "int16", *TARGETS, "what it is"]
    lines = [columns, ["---"] * len(columns)]
    for op in supported_ops():
        cells = [cell(kernels, op, target.isa) for target in TARGETS.values()]
        lines.append([f"`{op}`", "yes" if op in over_int16 else "-", *cells, about(op)])
    return HEAD.replace("NARROW", narrow(kernels)) + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def narrow(kernels: dict[str, dict[str, set[str]]]) -> str:
    """Return which ops have kernels over weights of four bits, and where."""
    found: dict[str, list[str]] = {}
    for isa, of_ops in kernels.items():
        for op, keys in of_ops.items():
            if any(key.split(".")[1:] == ["s8w4", *([isa] if isa != "c99" else [])] for key in keys):
                found.setdefault(op, []).append("c" if isa == "c99" else isa)
    return ", ".join(f"`{op}` ({', '.join(isas)})" for op, isas in sorted(found.items()))


def ops_of(model: bytes) -> set[str]:
    """Return the ops of a model."""
    return {operator.op for operator in parse(model).operators}


def kernels_of_ops(isa: str) -> dict[str, set[str]]:
    """Return the kernels that operators of each op get with an instruction set."""
    found: dict[str, set[str]] = {}
    for graph in graphs():
        for step in (step for ways in lower(graph, isa) for step in ways):
            if step.kernel is not INPUT:
                found.setdefault(step.operator.op, set()).add(step.kernel.key)
    return found


@cache
def graphs() -> list[Graph]:
    """Return the networks that run on all targets, and the pieces of random ones over maps of 8 channels."""
    models = list(networks_of_every_op())
    for number, piece in enumerate(KINDS["int8"]):
        for variant in range(6):
            builder = Builder(number)
            source = builder.input((1, 12, 12, 3))
            at = piece(
                Draw(builder, builder.conv(source, 8, (1, 1)), 5 - variant // 3, 2 + variant % 2, variant)
            )
            models.append(builder.build((source,), (at,)))
    return [run_passes(parse(model))[0] for model in models]


def cell(kernels: dict[str, dict[str, set[str]]], op: str, isa: str) -> str:
    if op not in kernels[isa]:
        return "-"
    return isa if kernels[isa][op] - kernels["c99"][op] else "c"


def about(op: str) -> str:
    """Return the first sentence of an op's module, without the op's name where a colon follows it."""
    text = import_module(f"{ops.__name__}.{op.lower()}").__doc__
    assert text is not None
    return text.splitlines()[0].removeprefix(f"{op}: ").removesuffix(".")


def test_the_page_is_up_to_date(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--update-golden"):
        TABLE.write_text(table(), encoding="utf-8")
    assert TABLE.read_text(encoding="utf-8") == table(), (
        "stale; python -m pytest tests/compiler/test_operators_table.py --update-golden"
    )
