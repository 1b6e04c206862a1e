# SPDX-License-Identifier: Apache-2.0
"""Lets generated C check itself: a firing changes the rows that it makes and its own scratch, no other byte.

AddressSanitizer sees an arena as a whole, and what a kernel writes over its neighbours may hit nothing alive.
The model's outputs are the caller's, and AddressSanitizer's to watch.
"""

from collections.abc import Iterator
from pathlib import Path

from edgecnn.compiler.writing.model import CModel


def guard(model: CModel, folder: Path) -> None:
    """Rewrite a model's C in a folder: its program fails where a firing writes beyond its place."""
    path, name = folder / f"{model.name}.c", model.name
    text = path.read_text()
    for mark, before in {
        f"static void {name}_start(": _GUARD.format(
            name=name, size=model.schedule.arena, cases="".join(f"    {line}\n" for line in _cases(model))
        ),
        "    memset(nn, 0, sizeof *nn);": f"    memcpy({name}_kept, arena, sizeof {name}_kept);\n",
        "        ++nn->fired[": f"        {name}_guard(arena, nn->step, at);\n",
    }.items():
        assert text.count(mark) == 1, f"the guard finds no place in {path.name}"
        text = text.replace(mark, before + mark)
    path.write_text("#include <stdio.h>\n#include <stdlib.h>\n" + text)


def _cases(model: CModel) -> Iterator[str]:
    """Yield what says for each step which bytes it may change."""
    schedule, name = model.schedule, model.name
    for number, step in enumerate(schedule.network.steps):
        yield f"case {number}: /* {step.operator.op} */"
        if ("rows", step.output) in schedule.offsets:  # else they are an output of the caller's
            row = f"at / {step.group} * {step.rows_per_group} + i"
            yield f"    for (int i = 0; i < {step.rows_per_group}; ++i) {{"
            yield f"        const int8_t *row = {name}_row(&{name}_rings[{number}], arena, {row});"
            yield f"        {name}_keep(arena, row - arena, {name}_rings[{number}].row_bytes);"
            yield "    }"
        segment = max(cut for cut in schedule.cuts if cut <= number)
        for owner, size in ((("scratch", number), step.scratch), (("working", segment), step.working)):
            if size:
                yield f"    {name}_keep(arena, {schedule.offsets[owner]}, {size});"
        yield "    break;"


# Where there is no operating system, a trap is what emulators report.
_GUARD = """\
/* The arena as the last firing left it. */
static int8_t {name}_kept[{size}];

static void {name}_keep(const int8_t *arena, ptrdiff_t offset, size_t size)
{{
    memcpy({name}_kept + offset, arena + offset, size);
}}

static void {name}_guard(int8_t *arena, int step, int at)
{{
    switch (step) {{
{cases}    default:
        break;
    }}
    if (memcmp({name}_kept, arena, sizeof {name}_kept) != 0) {{
#ifdef __linux__
        fprintf(stderr, "{name}: firing %d of step %d writes beyond its place\\n", at, step);
        exit(1);
#else
        __builtin_trap();
#endif
    }}
}}

"""
