# SPDX-License-Identifier: Apache-2.0
"""The text of a generated source: tables, kernels, one parameter struct and one case for each operator."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.kernel import Role
from edgecnn.compiler.scheduling.rolling import Rolled
from edgecnn.compiler.steps import INPUT, VARIABLE, Step, Window
from edgecnn.compiler.writing import arrays, templates
from edgecnn.compiler.writing.calls import call, helpers, out_bytes, row_bytes
from edgecnn.compiler.writing.header import describe, parameters
from edgecnn.compiler.writing.kernels import kernel_text
from edgecnn.compiler.writing.model import CModel, Edge
from edgecnn.compiler.writing.text import comment_text
from edgecnn.compiler.writing.variables import source_words
from edgecnn.compiler.writing.weights import WEIGHTS_INSIDE, Weights, weights_apart

_LONGEST_RUN = 255
_INLINE, _COPIED = "EDGECNN_INLINE ", "EDGECNN_INLINE_ALWAYS "  # what only says how a kernel is compiled
_CODE = ("kernels", "tables", "rings", "program", "advance")  # what weights must be made for


def source_text(model: CModel, weights: Weights | None = None) -> str:
    """Return the text of NAME.c; what belongs to `weights` is put there."""
    steps = model.schedule.network.steps
    parts = [part for step in steps for part in (step.before, step) if part is not None]
    kernels = [part.kernel for part in parts if part.kernel not in (INPUT, VARIABLE)]
    kept = source_words(model.name, model.prefix, model.variables)
    tables = kept["variables_tables"] + "".join(_tables(model, weights))
    words = {
        "name": model.name,
        "prefix": model.prefix,
        "PREFIX": model.prefix.upper(),
        "version": model.version,
        "target": model.target,
        "id": model.original.sha256[:8],
        "description": describe(model),
        "endian": arrays.LITTLE_ENDIAN_CHECK,
        "inline": templates.INLINE[model.optimize],
        "plan": "\n".join(_plan(model)),
        "kernels": kernel_text(kernels, model.name, model.optimize),
        "tables": tables,
        "rings": ",\n".join(_rings(model)),
        "windows": _windows(model),
        "program": arrays.table(f"{model.name}_program", program_table(model)),
        "advance": _advance(model, weights, kept),
        "steps": len(steps),
        "parameters": parameters(model),
        "call": call(
            model,
            "INT32_MAX",
            "0",
            ", ".join(
                [*(row_bytes(edge, edge.name) for edge in model.inputs), *map(out_bytes, model.outputs)]
            ),
        ),
        "helpers": "\n".join(helpers(model)),
        "given": kept["variables_given"] + (weights_apart(model.prefix)["weights_given"] if weights else ""),
        "start": f"{model.prefix}_reset" if model.variables.kept else f"{model.name}_start",
        **kept,
        **(weights_apart(model.prefix) if weights else WEIGHTS_INSIDE),
    }
    if weights:
        meaning = repr((model.inputs, model.outputs, model.labels))
        code = [*(str(words[part]).replace(_COPIED, _INLINE) for part in _CODE), meaning]
        words["tables"] = weights.definition() + tables
        words["weights_check"] = weights.check(model.prefix, code)
    return templates.SOURCE.format(**words)


def _advance(model: CModel, weights: Weights | None, kept: Mapping[str, str]) -> str:
    """Return the function that fires the steps."""
    steps, outputs = model.schedule.network.steps, [edge.name for edge in model.outputs]
    given = [f"const {_in_type(edge)} *{edge.name}" for edge in model.inputs]
    real = any(edge.real for edge in model.inputs)
    take = "".join(
        templates.TAKE.format(name=model.name, prefix=model.prefix, suffix=edge.suffix, ctype=edge.ctype)
        for edge in model.inputs
        if edge.real
    )
    return take + templates.ADVANCE.format(
        name=model.name,
        prefix=model.prefix,
        flags=("int lines, " if model.pushes else "") + ("int real, " if real else ""),
        passed=", ".join(given + [f"int8_t *{output}" for output in outputs]),
        absent=" || ".join(f"{pointer} == NULL" for pointer in ("arena", *_kept_name(model), *outputs)),
        variables_turn=kept["variables_turn"],
        rows=max(map(_rows_read, steps)),
        first=kept["variables_here"]
        + (weights.pointer() if weights else "")
        + ("    const int first = nn->fired[0];\n" if model.pushes else ""),
        cases="".join(_case(model, number) for number in range(len(steps))),
    )


def _kept_name(model: CModel) -> list[str]:
    return ["variables"] if model.variables.kept else []


def _in_type(edge: Edge) -> str:
    return "void" if edge.real else "int8_t"


def program_table(model: CModel) -> NDArray[np.uint8]:
    """Return the order of firings as pairs of a step and how often it fires in a row."""
    pairs: list[int] = []
    for step, run in groupby(model.schedule.order):
        count = len(list(run))
        while count:
            pairs += [step, min(count, _LONGEST_RUN)]
            count -= pairs[-1]
    return np.array(pairs, np.uint8)


def _plan(model: CModel) -> Iterator[str]:
    network, heights = model.schedule.network, model.schedule.heights
    for number, step in enumerate(network.steps):
        tensor = step.output
        where = model.schedule.offsets.get(("rows", tensor))
        rows = f"{heights[tensor]} of {network.height[tensor]}"
        outside = "variable" if model.variables.find(tensor) else "caller"
        place = outside if where is None else "rolling" if tensor in model.schedule.rolled else str(where)
        cut = " *" if number in model.schedule.cuts[1:] else ""
        bytes_ = heights[tensor] * network.row_bytes[tensor]
        yield f" *   {number:>3} {step.operator.op:<20} {rows:>12} {bytes_:>10} {place:>8}{cut}"
        if step.scratch:
            offset = model.schedule.offsets["scratch", number]
            yield f" *   {'':>3} {'  its scratch':<20} {'':>12} {step.scratch:>10} {offset:>8}"


def _tables(model: CModel, weights: Weights | None) -> Iterator[str]:
    for number, step in enumerate(model.schedule.network.steps):
        if step.before is not None:
            yield from _parameters(model, f"{model.name}_op{number}_before", step.before, weights)
        if step.kernel not in (INPUT, VARIABLE):
            yield from _parameters(model, f"{model.name}_op{number}", step, weights)
        for position, window in enumerate(step.windows):
            if window.firsts:
                yield arrays.table(_firsts(model, number, position), np.array(window.firsts, np.int16))


def _rows_read(step: Step) -> int:
    return sum(window.extent for window in step.windows) + (step.constant is not None)


def _parameters(model: CModel, base: str, step: Step, weights: Weights | None) -> Iterator[str]:
    """Yield the tables of a step, then the struct that points to them, called `base`."""
    fields = []
    for line, field, value in step.kernel.fields(step.params):
        apart = weights if line.role is Role.TRAINED else None
        if isinstance(value, int):
            fields.append(f".{field} = {apart.number(step, line, field, value) if apart else value}")
        else:
            yield (apart or arrays).table(f"{base}_{field}", value)
            fields.append(f".{field} = {arrays.pointer(f'{base}_{field}', value)}")
    if step.constant is not None:
        yield (weights or arrays).table(f"{base}_constant", step.constant)
    lines = ",\n    ".join(", ".join(fields[at : at + 4]) for at in range(0, len(fields), 4))
    kind = f"{model.name}_{step.kernel.function}_params"
    title = f"/* {_title(model, step)} */\n"
    if weights:
        weights.require(base, step)
        # A macro, so that the numbers of the code are still constants to the kernel.
        lines = lines.replace("\n", " \\\n")
        yield f"{title}#define {base} ((const {kind}){{ \\\n    {lines}}})\n\n"
    else:
        yield f"{title}static const {kind} {base} = {{\n    {lines}\n}};\n\n"


def _firsts(model: CModel, number: int, position: int) -> str:
    """Return the name of the table of the rows at which the windows of a step's input begin."""
    return f"{model.name}_op{number}_first{position}"


def _title(model: CModel, step: Step) -> str:
    output = model.graph.tensors[step.output]
    shape = "x".join(map(str, output.shape[1:]))
    work = f", {step.macs:,} multiplications" if step.macs else ""
    return comment_text(f"{model.graph.describe(step.operator)} makes {shape}{work}")


def _rings(model: CModel) -> Iterator[str]:
    network = model.schedule.network
    for step in network.steps:
        tensor = step.output
        offset = model.schedule.offsets.get(("rows", tensor), 0)
        where = model.schedule.rolled.get(tensor) or Rolled(model.schedule.heights[tensor], 0)
        size, rows = network.row_bytes[tensor], network.height[tensor]
        if value := model.variables.find(tensor):
            _, kept, first = value
            offset, size, where = kept.offset, kept.row_bytes, Rolled(kept.ring.slots, first)
        yield f"    {{{offset}u, {size}u, {rows}, {where.slots}, {where.first}}}"


def _windows(model: CModel) -> str:
    """Return those functions that point to the rows of windows which are called."""
    steps = model.schedule.network.steps
    called = {_window(model, step, position) for step in steps for position in range(len(step.windows))}
    return "".join(text.format(name=model.name) for key, text in templates.WINDOWS.items() if key in called)


def _window(model: CModel, step: Step, position: int) -> str:
    height = model.schedule.network.height[step.inputs[position]]
    if not step.reads_padding(position, height):
        return "window"
    return "padded from head" if model.variables.find(step.inputs[position]) else "padded"


def _base(model: CModel, tensor: int) -> str:
    """Return the C name of the memory that holds a tensor: arena, variables, or an output of the caller's."""
    if model.variables.find(tensor):
        return "variables"
    return next((edge.name for edge in model.outputs if edge.tensor == tensor), "arena")


def _from_head(model: CModel, tensor: int, row: str) -> str:
    """Return the C expression of a row as its ring counts it: from the head where that moves."""
    value = model.variables.find(tensor)
    if value is None:
        return row
    return f"heads[{value[0]}]" + (f" + {row}" if row != "0" else "")


def _case(model: CModel, number: int) -> str:
    step = model.schedule.network.steps[number]
    lines: Iterable[str] = ()
    if step.kernel is INPUT:
        lines = _input_lines(model, number, step)
    elif step.kernel is not VARIABLE:
        lines = _kernel_lines(model, number, step)
    body = "".join(f"            {line}\n" for line in lines)
    before = f"{step.before.operator.op} and " if step.before is not None else ""
    return f"        case {number}: /* {before}{step.operator.op} */\n{body}            break;\n"


def _input_lines(model: CModel, number: int, step: Step) -> Iterator[str]:
    edge = model.inputs[step.operator.index]
    stored = model.schedule.network.row_bytes[step.output]
    row = f"{model.name}_row(&{model.name}_rings[{number}], arena, at)"
    at = "at"
    if model.pushes:
        yield "if (lines-- == 0) {"
        yield "    return 0;"
        yield "}"
        at = "(at - first)"
    # What no window reads is not stored.
    if edge.real:
        start, count = f"(size_t){at} * {edge.line}u", stored // edge.itemsize
        yield f"{model.name}_take{edge.suffix}({row}, {edge.name}, real, {start}, {count}u);"
    else:
        yield f"memcpy({row}, {edge.name} + (size_t){at} * {edge.line * edge.itemsize}u, {stored}u);"


def _kernel_lines(model: CModel, number: int, step: Step) -> Iterator[str]:
    network, name, filled = model.schedule.network, model.name, 0
    for position, (tensor, window) in enumerate(zip(step.inputs, step.windows, strict=True)):
        ring = f"&{name}_rings[{network.maker[tensor]}]"
        rows = f"rows + {filled}" if filled else "rows"
        first = f"{_firsts(model, number, position)}[at]" if window.firsts else _first_row(step, window)
        function, base = _window(model, step, position), _base(model, tensor)
        if window.offset:
            base = f"{base} + {window.offset}"
        if function == "padded from head":
            function, first = "padded_from_head", f"{_from_head(model, tensor, '0')}, {first}"
        else:
            first = _from_head(model, tensor, first)
        yield f"{name}_{function}({rows}, {ring}, {base}, {first}, {window.extent});"
        filled += window.extent
    if step.constant is not None:
        table = arrays.bytes_pointer(f"{name}_op{number}_constant", step.constant)
        at = _times(_group(step), step.constant[0].nbytes if len(step.constant) > 1 else 0)
        yield f"rows[{filled}] = {table}" + ("" if at == "0" else f" + {at}") + ";"
    row = _times(_group(step), step.rows_per_group)
    if step.first_made:
        row = f"{step.first_made}" + (f" + {row}" if row != "0" else "")
    row = _from_head(model, step.output, row)
    output = f"{name}_row(&{name}_rings[{number}], {_base(model, step.output)}, {row})"
    if step.before is not None:
        yield from _column_lines(model, number, step, output)
        return
    width = model.graph.tensors[step.output].shape[2]
    extra = {
        "part": _part(step),
        "row": _group(step),
        "sums": _words(model, "scratch", number),
        "columns": f"0, {width}",
        "others": ", ".join(model.variables.place(tensor) for tensor in step.operator.outputs[1:]),
        "working": _words(model, "working", _segment(model, number)),
    }
    arguments = "".join(f", {extra[argument]}" for argument in step.arguments)
    yield f"{name}_{step.kernel.function}(&{name}_op{number}, rows, {output}{arguments});"


def _column_lines(model: CModel, number: int, step: Step, output: str) -> Iterator[str]:
    """Yield the loop of a step over columns of what comes before it, one or several at a time."""
    assert step.before is not None, "only such steps come here"
    name, made_tensor = model.name, model.graph.tensors[step.output]
    width, size = made_tensor.shape[2], made_tensor.shape[3] * made_tensor.itemsize
    columns = int(step.params["out_w"])
    # The last columns may overlap those before.
    begin = "x" if width % columns == 0 else f"x < {width - columns} ? x : {width - columns}"
    words = f", {_words(model, 'working', _segment(model, number))}"
    before, after = (words if "working" in part.arguments else "" for part in (step.before, step))
    yield "{"
    yield f"    int8_t *const column = arena + {model.schedule.offsets['scratch', number]};"
    yield "    const int8_t *const columns[1] = {column};"
    yield f"    int8_t *const row = {output};"
    yield f"    for (int x = 0; x < {width}; x += {columns}) {{"
    yield f"        const int begin = {begin}, end = begin + {columns};"
    params, function = f"&{name}_op{number}", f"{name}_{step.before.kernel.function}"
    yield f"        {function}({params}_before, rows, column, begin, end{before});"
    yield f"        {name}_{step.kernel.function}({params}, columns, row + begin * {size}, 0{after});"
    yield "    }"
    yield "}"


def _group(step: Step) -> str:
    if step.group == step.firings:
        return "0"
    return "at" if step.group == 1 else f"at / {step.group}"


def _part(step: Step) -> str:
    if step.group == 1:
        return "0"
    return "at" if step.group == step.firings else f"at % {step.group}"


def _segment(model: CModel, number: int) -> int:
    """Return the first step of the segment that a step belongs to."""
    return max(cut for cut in model.schedule.cuts if cut <= number)


def _words(model: CModel, kind: str, number: int) -> str:
    """Return the C expression of 32-bit words in the arena, NULL where there are none."""
    offset = model.schedule.offsets.get((kind, number))
    return "NULL" if offset is None else f"(int32_t *)(void *)(arena + {offset})"


def _first_row(step: Step, window: Window) -> str:
    """Return the C expression of the first row that firing `at` reads."""
    terms = [_times(_group(step), window.outer), _times(_part(step), window.inner)]
    text = " + ".join(term for term in terms if term != "0") or "0"
    if not window.start:
        return text
    return f"{text} {'-' if window.start < 0 else '+'} {abs(window.start)}"


def _times(text: str, factor: int) -> str:
    if text == "0" or factor == 0:
        return "0"
    return text if factor == 1 else f"{text} * {factor}"
