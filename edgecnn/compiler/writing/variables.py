# SPDX-License-Identifier: Apache-2.0
"""Variables in C: a buffer that the caller owns, what sets and reads it, and what headers say of it."""

from collections.abc import Iterator
from textwrap import wrap

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import short_name
from edgecnn.compiler.scheduling.variables import Variables
from edgecnn.compiler.writing import arrays
from edgecnn.compiler.writing.text import comment_text

_MANUAL = 105  # columns


def source_words(name: str, prefix: str, variables: Variables) -> dict[str, str]:
    """Return what the templates of a source need for variables, or nothing of it where there are none."""
    if not variables.kept:
        return dict.fromkeys(_WORDS, "")
    words = {"name": name, "prefix": prefix, "PREFIX": prefix.upper()}
    tables = "".join(_tables(name, variables))
    reset = "".join(f"    {line}\n" for line in _reset_lines(name, variables))
    heads = enumerate(kept.ring for kept in variables.kept)
    turn = [f"heads[{i}] = (uint16_t)((heads[{i}] + {r.advance}u) % {r.slots}u);" for i, r in heads]
    return {
        "variables_tables": tables,
        "variables_kept": "    int8_t *const variables = nn->variables;\n",
        "variables_back": "    nn->variables = variables;\n",
        "variables_here": _HERE,
        "variables_turn": "".join(f"                {line}\n" for line in turn),
        "variables_reset": _RESET.format(**words, reset=reset),
        "variables_given": ", void *variables, size_t variables_size",
        "variables_wrong": _WRONG.format(**words),
        "variables_set": "    nn->variables = (int8_t *)variables;\n",
    }


def _tables(name: str, variables: Variables) -> Iterator[str]:
    for number, kept in enumerate(variables.kept):
        if _single_byte(kept.initial) is None:
            yield arrays.table(f"{name}_variable{number}", kept.initial)


def _reset_lines(name: str, variables: Variables) -> Iterator[str]:
    heads = [(number, kept.head) for number, kept in enumerate(variables.kept) if kept.head]
    if heads:
        yield "uint16_t *const heads = (uint16_t *)(void *)nn->variables;"
    yield f"memset(nn->variables, 0, {variables.size}u);"
    for number, head in heads:
        yield f"heads[{number}] = {head}u;"
    for number, kept in enumerate(variables.kept):
        size, byte = kept.initial.nbytes, _single_byte(kept.initial)
        place = f"nn->variables + {kept.offset}"
        if byte is None:
            yield f"memcpy({place}, {name}_variable{number}, {size}u);"
        elif byte:
            yield f"memset({place}, {byte}, {size}u);"


def _single_byte(value: NDArray[np.generic]) -> int | None:
    """Return the byte that a value consists of, or None where they differ."""
    content = set(value.tobytes())
    return content.pop() if len(content) == 1 else None


def read_lines(variables: Variables, buffer: str, to: str) -> Iterator[str]:
    """Yield the lines of C that copy the values of all variables, one behind the other, to bytes.

    Args:
        variables: of the model.
        buffer: the C expression of its variables' bytes.
        to: that of a pointer to bytes, which moves on.
    """
    for number, kept in enumerate(variables.kept):
        rows = kept.initial.nbytes // kept.row_bytes
        slot = f"((unsigned)((const uint16_t *)(const void *){buffer})[{number}] + {kept.ring.first}u + y)"
        slot = f"{slot} % {kept.ring.slots}u * {kept.row_bytes}u"
        yield f"for (unsigned y = 0; y < {rows}u; ++y, {to} += {kept.row_bytes}) {{"
        yield f"    memcpy({to}, {buffer} + {kept.offset}u + {slot}, {kept.row_bytes}u);"
        yield "}"


def macros(prefix: str, variables: Variables) -> str:
    """Return the macros of a header for variables, or nothing where there are none."""
    return _MACROS.format(PREFIX=prefix.upper(), size=variables.size) if variables.kept else ""


def usage(prefix: str, variables: Variables) -> tuple[list[str], str]:
    """Return the lines of a header's manual that define variables, and what `init` takes of them."""
    if not variables.kept:
        return [], ""
    return (
        [f"static {prefix.upper()}_VARIABLES(variables);   what outlives an inference"],
        ", &variables, sizeof variables",
    )


def test_words(prefix: str, variables: Variables) -> dict[str, str]:
    """Return what the template of a self-test needs for variables."""
    if not variables.kept:
        return {"kept": "", "kept_given": ""}
    return {
        "kept": f"    static {prefix.upper()}_VARIABLES(variables);\n",
        "kept_given": usage(prefix, variables)[1],
    }


def manual(prefix: str, variables: Variables) -> Iterator[str]:
    """Yield the lines of a header's manual that say what variables do."""
    names = ", ".join(comment_text(short_name(kept.variable.name)) for kept in variables.kept)
    text = (
        f"Variables ({names}) go on from one inference to the next; {prefix}_reset(&nn) begins anew. A copy "
        "of their bytes is all there is to a stream: copied back behind init, it goes on from there, and "
        "several streams can share the arena. A half-pushed image that is dropped has changed nothing."
    )
    yield from wrap(text, _MANUAL)


_WORDS = (
    *("variables_tables", "variables_kept", "variables_back", "variables_here", "variables_turn"),
    *("variables_reset", "variables_given", "variables_wrong", "variables_set"),
)

_HERE = """\
    int8_t *const variables = nn->variables;
    uint16_t *const heads = (uint16_t *)(void *)variables;
"""

_WRONG = """ ||
        variables == NULL || variables_size < {PREFIX}_VARIABLES_SIZE ||
        (uintptr_t)variables % {PREFIX}_ARENA_ALIGN != 0u"""

_RESET = """\
void {prefix}_reset({prefix}_t *nn)
{{
{reset}    {name}_start(nn);
    nn->line = UINT16_MAX; /* not begun */
}}

"""

DECLARATIONS = """\
/* Returns 0, or -1 when the arena or the variables are NULL, too small or misaligned. */
int {prefix}_init({prefix}_t *nn, void *arena, size_t arena_size, void *variables, size_t variables_size);

/* Sets the variables to what they are before the first inference, as init does; drops a half-pushed image. */
void {prefix}_reset({prefix}_t *nn);"""

_MACROS = """
#define {PREFIX}_VARIABLES_SIZE {size}u

/* `static {PREFIX}_VARIABLES(variables);` defines a buffer for what outlives an inference. */
#define {PREFIX}_VARIABLES(name) \\
    union {{ int8_t bytes[{PREFIX}_VARIABLES_SIZE]; int64_t align; }} name
"""
