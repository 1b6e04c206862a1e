# SPDX-License-Identifier: Apache-2.0
"""The texts of NAME_test.h and NAME_test.c: inputs and outputs stored there, and a function that compares.

What the function prints is one line for each stored input, in a format that other programs read:

    edgecnn-test 1 NAME ID vector 0/3 output 80ff7f crc 1a2b3c4d
    edgecnn-test 1 NAME ID wrong 0

ID is the first 32 bits of the model's SHA-256, `output` all bytes of all outputs in hexadecimal, as the
device made them, and `crc` their CRC-32 (zlib's), which tells a disturbed line from a wrong answer.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edgecnn.compiler.golden import golden_vectors
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.writing import arrays, variables
from edgecnn.compiler.writing.model import CModel

_VECTOR = re.compile(
    r"edgecnn-test 1 (\w+) ([0-9a-f]{8}) vector (\d+)/(\d+) output ((?:[0-9a-f]{2})*) crc ([0-9a-f]{8})"
)


@dataclass(frozen=True)
class VectorLine:
    """A line that a self-test printed: whose it is, which vector of how many, and the outputs' bytes."""

    name: str
    model_id: str
    number: int
    count: int
    output: bytes


def read_lines(lines: Iterable[str]) -> Iterator[VectorLine]:
    """Yield the vectors found in what a device printed; other lines, and disturbed ones, are passed over."""
    for line in lines:
        match = _VECTOR.search(line)
        if match is not None and zlib.crc32(output := bytes.fromhex(match[5])) == int(match[6], 16):
            yield VectorLine(match[1], match[2], int(match[3]), int(match[4]), output)


def printed_lines(name: str, model_id: str, outputs: Sequence[bytes]) -> list[str]:
    """Return the lines that a self-test prints where every byte is right.

    Args:
        name: of the C files.
        model_id: as in a `VectorLine`.
        outputs: all bytes of all outputs, for each of the stored inputs.
    """
    start, count = f"edgecnn-test 1 {name} {model_id}", len(outputs)
    lines = [
        f"{start} vector {number}/{count} output {output.hex()} crc {zlib.crc32(output):08x}"
        for number, output in enumerate(outputs)
    ]
    return [*lines, f"{start} wrong 0"]


def test_header_text(model: CModel) -> str:
    """Return the text of NAME_test.h."""
    words = {"name": model.name, "prefix": model.prefix, "PREFIX": model.prefix.upper()}
    return _HEADER.format(**words, **(_WEIGHTS_APART if model.weights_apart else _WEIGHTS_INSIDE))


def test_text(model: CModel) -> str:
    """Return the text of NAME_test.c."""
    edges = [*model.inputs, *model.outputs]
    tables, count = _tables(model.original, [edge.name for edge in edges])
    body = _RUN.format(
        prefix=model.prefix,
        PREFIX=model.prefix.upper(),
        made="".join(f"    static {edge.dtype}_t made_{edge.name}[{edge.size}];\n" for edge in model.outputs),
        calls="".join(_call(model, number, count) for number in range(count)),
        **variables.test_words(model.prefix, model.variables),
        **_names(model.name, model.original),
        **(_WEIGHTS_APART if model.weights_apart else _WEIGHTS_INSIDE),
    )
    return _machinery(model.name, model.original, f'#include "{model.name}.h"', tables) + body


def interpreter_test_texts(name: str, graph: Graph) -> tuple[str, str]:
    """Return the texts of NAME_test.h and NAME_test.c for an interpreter of a model.

    The model has one input and one output. The function that runs it is the caller's; the lines are the same.
    """
    words = {"prefix": f"edgecnn_{name}", "PREFIX": f"EDGECNN_{name.upper()}", **_names(name, graph)}
    tables, count = _tables(graph, ["input", "output"])
    calls = "".join(_INTERPRETER_CALL.format(number=number, count=count) for number in range(count))
    size = integer_edges(graph).tensors[integer_edges(graph).outputs[0]].size
    body = _INTERPRETER_RUN.format(**words, size=size, calls=calls)
    includes = "#include <stddef.h>\n#include <stdint.h>"
    return _INTERPRETER_HEADER.format(**words), _machinery(name, graph, includes, tables) + body


def _names(name: str, graph: Graph) -> dict[str, str]:
    return {"name": name, "id": graph.sha256[:8]}


def _tables(graph: Graph, names: Sequence[str]) -> tuple[str, int]:
    """Return the definitions of stored inputs and outputs, called NAME_NUMBER, and how many there are."""
    vectors = golden_vectors(graph)
    tables = [
        arrays.table(f"{name}_{number}", value)
        for number, vector in enumerate(vectors)
        for name, value in zip(names, (*vector.inputs, *vector.outputs), strict=True)
    ]
    return "".join(tables), len(vectors)


def _machinery(name: str, graph: Graph, includes: str, tables: str) -> str:
    """Return the text of NAME_test.c above the function that it is for."""
    endian = arrays.LITTLE_ENDIAN_CHECK if "uint64_t" in tables else ""
    return _MACHINERY.format(**_names(name, graph), includes=includes, endian=endian, tables=tables)


def _call(model: CModel, number: int, count: int) -> str:
    arguments = [f"(const {edge.ctype} *){edge.name}_{number}" for edge in model.inputs]
    arguments += [f"made_{edge.name}" for edge in model.outputs]
    lines = f"    (void){model.prefix}_run(&nn, {', '.join(arguments)});\n"
    lines += f'    begin(&report, "{number}/{count}");\n'
    for edge in model.outputs:
        output, wanted = f"made_{edge.name}", f"(const int8_t *){edge.name}_{number}"
        output = output if edge.dtype == "int8" else f"(const int8_t *){output}"
        lines += f"    compare(&report, {output}, {wanted}, {edge.bytes});\n"
    return f"{lines}    end(&report);\n"


_WEIGHTS_INSIDE = {"given": "", "passed": "", "include": ""}
_WEIGHTS_APART = {
    "given": "const void *weights, size_t weights_size, ",
    "passed": ", weights, weights_size",
    "include": "#include <stddef.h>\n\n",
}

_HEADER = """\
/* SPDX-License-Identifier: 0BSD */
/* {name}_test.h - proves {name}.c on the device that it runs on. Generated by edgecnn. Do not edit. */
#ifndef {PREFIX}_TEST_H
#define {PREFIX}_TEST_H

{include}#ifdef __cplusplus
extern "C" {{
#endif

/* Runs the model on inputs stored in {name}_test.c. Returns how many bytes of its outputs are wrong, or -1
 * when what `init` takes is refused. `print` gets text piece by piece: lines that
 * `edgecnn verify MODEL --serial` reads; NULL keeps it silent.
 */
int {prefix}_test({given}void (*print)(const char *text));

#ifdef __cplusplus
}}
#endif
#endif /* {PREFIX}_TEST_H */
"""

_INTERPRETER_HEADER = """\
/* SPDX-License-Identifier: 0BSD */
/* {name}_test.h - proves an interpreter that runs the model "{name}". Generated by edgecnn. Do not edit. */
#ifndef {PREFIX}_TEST_H
#define {PREFIX}_TEST_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

/* Calls `run`, which returns 0 when all went well, on inputs stored in {name}_test.c. Returns how many bytes
 * of the outputs are wrong, or -1 when `run` fails. `print` gets text piece by piece: lines that
 * `edgecnn verify MODEL --serial` reads; NULL keeps it silent.
 */
int {prefix}_test(int (*run)(const int8_t *input, int8_t *output), void (*print)(const char *text));

#ifdef __cplusplus
}}
#endif
#endif /* {PREFIX}_TEST_H */
"""

_MACHINERY = """\
/* SPDX-License-Identifier: 0BSD */
/* {name}_test.c - see {name}_test.h. Generated by edgecnn. Do not edit. */
#include "{name}_test.h"

{includes}
{endian}
{tables}
typedef struct {{
    void (*print)(const char *text);
    uint32_t crc;
    int wrong;
}} report_t;

static void say(const report_t *report, const char *text)
{{
    if (report->print != NULL) {{
        report->print(text);
    }}
}}

static void say_hex(const report_t *report, uint32_t value, int digits)
{{
    char text[9];
    text[digits] = '\\0';
    while (digits-- > 0) {{
        text[digits] = "0123456789abcdef"[value & 15u];
        value >>= 4;
    }}
    say(report, text);
}}

static void say_number(const report_t *report, int number)
{{
    char text[12];
    char *digit = text + sizeof text - 1;
    *digit = '\\0';
    do {{
        *--digit = (char)('0' + number % 10);
        number /= 10;
    }} while (number > 0);
    say(report, digit);
}}

static void begin(report_t *report, const char *vector)
{{
    report->crc = 0xffffffffu;
    say(report, "edgecnn-test 1 {name} {id} vector ");
    say(report, vector);
    say(report, " output ");
}}

static void compare(report_t *report, const int8_t *made, const int8_t *stored, int count)
{{
    for (int i = 0; i < count; ++i) {{
        report->wrong += made[i] != stored[i];
        report->crc ^= (uint8_t)made[i];
        for (int bit = 0; bit < 8; ++bit) {{
            report->crc = report->crc >> 1 ^ (0xedb88320u & (0u - (report->crc & 1u)));
        }}
        say_hex(report, (uint8_t)made[i], 2);
    }}
}}

static void end(const report_t *report)
{{
    say(report, " crc ");
    say_hex(report, ~report->crc, 8);
    say(report, "\\n");
}}

static void finish(const report_t *report)
{{
    say(report, "edgecnn-test 1 {name} {id} wrong ");
    say_number(report, report->wrong);
    say(report, "\\n");
}}
"""

_RUN = """
int {prefix}_test({given}void (*print)(const char *text))
{{
    static {PREFIX}_ARENA(arena);
{kept}{made}    report_t report = {{print, 0, 0}};
    {prefix}_t nn;
    if ({prefix}_init(&nn, &arena, sizeof arena{kept_given}{passed}) != 0) {{
        return -1;
    }}
{calls}    finish(&report);
    return report.wrong;
}}
"""

_INTERPRETER_CALL = """\
    if (run((const int8_t *)input_{number}, output) != 0) {{
        return -1;
    }}
    begin(&report, "{number}/{count}");
    compare(&report, output, (const int8_t *)output_{number}, (int)sizeof output);
    end(&report);
"""

_INTERPRETER_RUN = """
int {prefix}_test(int (*run)(const int8_t *input, int8_t *output), void (*print)(const char *text))
{{
    static int8_t output[{size}];
    report_t report = {{print, 0, 0}};
{calls}    finish(&report);
    return report.wrong;
}}
"""
