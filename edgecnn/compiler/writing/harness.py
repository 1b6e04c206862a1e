# SPDX-License-Identifier: Apache-2.0
"""The text of the C that calls a model where it is tested: `program_setup` and `program_run` of program.h."""

from collections.abc import Sequence
from itertools import accumulate

from edgecnn.compiler.writing.header import state_bytes
from edgecnn.compiler.writing.model import CModel, Edge


def harness_text(model: CModel, *, both_ways: bool, pointer: int) -> str:
    """Return C whose `program_run` makes one inference, all inputs lying in a row, and all outputs.

    Args:
        model: the model.
        both_ways: push the lines of an image as well as run it whole, and fail where the bytes differ.
        pointer: bytes of a pointer, by which the size of the state struct is asserted.
    """
    words = {"prefix": model.prefix, "PREFIX": model.prefix.upper(), "name": model.name}
    pushed = _PUSHED if model.pushes and both_ways else ""
    return _HARNESS.format(
        **words,
        state=state_bytes(model, pointer),
        arguments=", ".join(_places("input", model.inputs) + _places("output", model.outputs)),
        pushed=pushed.format(
            **words,
            size=sum(edge.bytes for edge in model.outputs),
            image=_places("input", model.inputs)[0],
            outputs=", ".join(_places("pushed", model.outputs)),
        ),
    )


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
static {prefix}_t nn;
typedef char state_is_as_reported[sizeof(nn) == {state} ? 1 : -1];

int program_setup(void)
{{
    return {prefix}_init(&nn, &arena, sizeof arena);
}}

int program_run(const int8_t *input, int8_t *output)
{{
    if ({prefix}_run(&nn, {arguments}) != 0) {{
        return 1;
    }}
{pushed}    return 0;
}}
"""

_PUSHED = """\
    {{
        static int8_t pushed[{size}];
        int done = 0;
        {prefix}_begin(&nn);
        for (unsigned y = 0; y < {PREFIX}_LINES; ++y) {{
            done = {prefix}_push_row(&nn, {image} + y * {PREFIX}_LINE_SIZE, {outputs});
        }}
        if (done != 1 || {prefix}_push_row(&nn, {image}, {outputs}) != -1) {{
            return 2;
        }}
        if (memcmp(pushed, output, sizeof pushed) != 0) {{
            return 3;
        }}
    }}
"""
