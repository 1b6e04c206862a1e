# SPDX-License-Identifier: Apache-2.0
"""The text of the C that calls a model where it is tested: `program_setup` and `program_run` of program.h."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

from edgecnn.compiler.writing.header import state_bytes
from edgecnn.compiler.writing.model import CModel, Edge
from edgecnn.compiler.writing.variables import read_lines


def harness_text(model: CModel, *, both_ways: bool, pointer: int, reset_at: int = 0) -> str:
    """Return C whose `program_run` makes one inference, all inputs lying in a row, and all outputs.

    Where the model keeps variables, `program_report` puts behind the outputs what they have become.

    Args:
        model: the model.
        both_ways: push the lines of an image as well as run it whole, and fail where the bytes differ.
        pointer: bytes of a pointer, by which the size of the state struct is asserted.
        reset_at: the inference, counted from 0, before which variables are set to their first values anew.
    """
    words = {"prefix": model.prefix, "PREFIX": model.prefix.upper(), "name": model.name}
    kept = _kept(model, words, reset_at) if model.variables.kept else dict.fromkeys(_KEPT, "")
    pushed = _PUSHED if model.pushes and both_ways else ""
    if not pushed:
        kept["begun"] = ""
    return _HARNESS.format(
        **words,
        **kept,
        state=state_bytes(model, pointer),
        arguments=", ".join(_places("input", model.inputs) + _places("output", model.outputs)),
        pushed=pushed.format(
            **words,
            **kept,
            size=sum(edge.bytes for edge in model.outputs),
            image=_places("input", model.inputs)[0],
            outputs=", ".join(_places("pushed", model.outputs)),
        ),
    )


def _kept(model: CModel, words: Mapping[str, str], reset_at: int) -> dict[str, str]:
    """Return what the templates need for variables."""
    lines = "".join(f"    {line}\n" for line in read_lines(model.variables, "variables.bytes", "value"))
    outputs = sum(edge.bytes for edge in model.outputs)
    return {
        name: text.format(**words, reset_at=reset_at, outputs=outputs, lines=lines)
        for name, text in _KEPT.items()
    }


def _places(memory: str, edges: Sequence[Edge]) -> list[str]:
    """Return the C expressions of where inputs or outputs lie in one piece of memory."""
    ends = accumulate((edge.bytes for edge in edges), initial=0)
    const = "const " if memory == "input" else ""
    return [
        f"{memory} + {at}"
        if edge.dtype == "int8"
        else f"({const}{edge.ctype} *)({const}void *)({memory} + {at})"
        for at, edge in zip(ends, edges, strict=False)
    ]


_HARNESS = """\
#include <string.h>
#include "{name}.h"
#include "program.h"

static {PREFIX}_ARENA(arena);
{defined}static {prefix}_t nn;
typedef char state_is_as_reported[sizeof(nn) == {state} ? 1 : -1];

int program_setup(void)
{{
    return {prefix}_init(&nn, &arena, sizeof arena{given});
}}

int program_run(const int8_t *input, int8_t *output)
{{
{begun}    if ({prefix}_run(&nn, {arguments}) != 0) {{
        return 1;
    }}
{pushed}    return 0;
}}
{reported}"""

_PUSHED = """\
    {{
        static int8_t pushed[{size}];
        int done = 0;
{restored}        {prefix}_begin(&nn);
        for (unsigned y = 0; y < {PREFIX}_LINES; ++y) {{
            done = {prefix}_push_row(&nn, {image} + y * {PREFIX}_LINE_SIZE, {outputs});
        }}
        if (done != 1 || {prefix}_push_row(&nn, {image}, {outputs}) != -1) {{
            return 2;
        }}
        if (memcmp(pushed, output, sizeof pushed) != 0{differ}) {{
            return 3;
        }}
    }}
"""

# What there is more where a model keeps variables: lines are pushed from the same ones as those that whole
# inputs ran from, and must leave the same.
_KEPT = {
    "defined": "static {PREFIX}_VARIABLES(variables);\n",
    "given": ", &variables, sizeof variables",
    "begun": """\
    static int8_t before[sizeof variables], after[sizeof variables];
    memcpy(before, variables.bytes, sizeof before);
""",
    "restored": """\
        memcpy(after, variables.bytes, sizeof after);
        memcpy(variables.bytes, before, sizeof before);
""",
    "differ": " || memcmp(variables.bytes, after, sizeof after) != 0",
    "reported": """\

void program_report(int8_t *output)
{{
    static unsigned inferences;
    int8_t *value = output + {outputs};
{lines}    if (++inferences == {reset_at}u) {{
        {prefix}_reset(&nn);
    }}
}}
""",
}
