# SPDX-License-Identifier: Apache-2.0
"""docs/operators.md: which op has which kernel on which target, as the tests on targets cover them."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from every_op import networks_of_every_op

from edgecnn.compiler import ops
from edgecnn.compiler.compile import compile_tflite
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
Inputs and outputs that the file has as floats, or as uint8, are int8 to the C (uint8 less 128).
An operator beyond that is refused in one line that names it and says what is possible.

"""


def table() -> str:
    """Return the text of the page."""
    kernels = kernels_of_ops()
    columns = ["op", *TARGETS, "what it is"]
    lines = [columns, ["---"] * len(columns)]
    for op in ops.supported():
        cells = [cell(kernels.get(op, set()), target.isa) for target in TARGETS.values()]
        lines.append([f"`{op}`", *cells, about(op)])
    return HEAD + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def kernels_of_ops() -> dict[str, set[str]]:
    """Return the portable kernels that the networks of the tests use for each op."""
    found: dict[str, set[str]] = {}
    for model in networks_of_every_op():
        for step in compile_tflite(model, name="net").model.schedule.network.steps:
            for one in (step, step.before):
                if one is not None and one.kernel != "input":
                    found.setdefault(one.operator.op, set()).add(one.kernel)
    return found


def cell(kernels: set[str], isa: str) -> str:
    if not kernels:
        return "-"
    return isa if any(find_spec(f"{ops.__name__}._{kernel}_{isa}") for kernel in kernels) else "c"


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
