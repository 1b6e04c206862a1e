# SPDX-License-Identifier: Apache-2.0
"""The text of a generated header: its own manual, then the interface."""

from collections.abc import Iterator

from edgecnn.compiler.c_model import CModel, Edge
from edgecnn.compiler.c_text import comment_text, float_literal
from edgecnn.compiler.c_weights import DECLARATIONS


def header_text(model: CModel) -> str:
    """Return the text of NAME.h."""
    words = {
        "name": model.name,
        "NAME": model.name.upper(),
        "prefix": model.prefix,
        "PREFIX": model.prefix.upper(),
        "version": model.version,
        "target": model.target,
        "sha256": model.original.sha256,
        "id": model.original.sha256[:8],
        "arena": model.schedule.arena,
        "align": model.align,
        "macs": f"{sum(step.macs for step in model.schedule.network.steps):,}",
        "edges": "\n".join(_edge_line(edge) for edge in (*model.inputs, *model.outputs)),
        "usage": _usage(model),
        "macros": "\n".join(_macros(model)),
        "weights": "    const void *weights;\n" if model.weights_apart else "",
        "steps": len(model.schedule.network.steps),
        "functions": "\n\n".join(_functions(model)),
    }
    return _HEADER.format(**words)


def parameters(model: CModel, real: bool = False) -> str:
    """Return the parameters of the run functions behind `nn`: one pointer for each input and output."""
    return ", ".join(
        [f"const {_ctype(edge, real)} *{edge.name}" for edge in model.inputs]
        + [f"{_ctype(edge, real)} *{edge.name}" for edge in model.outputs]
    )


def pushed_parameters(model: CModel) -> str:
    """Return the parameters of the function that takes a line, behind `nn`."""
    return ", ".join(
        ["const int8_t *row", *(f"{_ctype(edge, real=False)} *{edge.name}" for edge in model.outputs)]
    )


def _ctype(edge: Edge, real: bool) -> str:
    return "float" if real and edge.real else f"{edge.dtype}_t"


def _edge_line(edge: Edge) -> str:
    shape = "".join(f"[{length}]" for length in edge.shape)
    if edge.scaling is None:
        return f" *   {edge.name:<8} {edge.dtype}{shape}   numbers of classes"
    offset = f"{-edge.quantization.zero_point:+d}"
    scale = f"{edge.quantization.scale:.9g}"
    unsigned = ", the .tflite's uint8 less 128" if edge.unsigned else ""
    return f" *   {edge.name:<8} int8{shape}   real = {scale} * (q {offset[0]} {offset[1:]}){unsigned}"


def _usage(model: CModel) -> str:
    made = ", ".join(edge.name for edge in model.outputs)
    arguments = ", ".join([*(edge.name for edge in model.inputs), made])
    weights = f", weights, size of {model.name}_weights.bin" if model.weights_apart else ""
    lines = [
        f"static {model.prefix.upper()}_ARENA(arena);   right size, right alignment",
        f"{model.prefix}_t nn;",
        f"if ({model.prefix}_init(&nn, &arena, sizeof arena{weights}) != 0) {{ ... }}",
        f"{model.prefix}_run(&nn, {arguments});   reads the input in place: flash or a DMA buffer will do",
    ]
    if model.pushes:
        lines += [
            "",
            "or line by line, as a camera delivers them, with the same bytes as the result:",
            f"{model.prefix}_begin(&nn);",
            f"for each line: if ({model.prefix}_push_row(&nn, line, {made}) == 1) {{ output is complete }}",
            "Give every call the same output: rows of a map are written as soon as they are known.",
        ]
    if model.classes:
        lines += ["", f"puts({model.prefix}_labels[{model.prefix}_class(output)]);"]
    return "\n".join(f" *   {line}".rstrip() for line in lines)


def _macros(model: CModel) -> Iterator[str]:
    for edge in (*model.inputs, *model.outputs):
        macro = f"#define {model.prefix.upper()}_{edge.name.upper()}"
        yield f"{macro}_SIZE {edge.size}u"
        if edge.scaling is None:
            continue
        yield f"{macro}_SCALE {float_literal(edge.quantization.scale)}"
        yield f"{macro}_ZERO_POINT ({edge.quantization.zero_point})"
    if model.pushes:
        edge = model.inputs[0]
        yield f"#define {model.prefix.upper()}_LINES {edge.lines}u /* of an image, LINE_SIZE bytes each */"
        yield f"#define {model.prefix.upper()}_LINE_SIZE {edge.size // edge.lines}u"
    if model.classes:
        yield f"#define {model.prefix.upper()}_CLASSES {model.classes}u"
    if model.classes == 2 and model.outputs[0].size == 1:
        meaning = f"class 1 from {model.original.threshold:g} on"
        yield f"#define {model.prefix.upper()}_THRESHOLD ({threshold(model)}) /* {meaning} */"


def threshold(model: CModel) -> int:
    """Return the smallest int8 output of one sigmoid that says yes; 128 where none does."""
    quantization, least = model.outputs[0].quantization, model.original.threshold
    real = (quantization.scale * (q - quantization.zero_point) for q in range(-128, 128))
    return next((q for q, value in enumerate(real, -128) if value >= least), 128)


def _functions(model: CModel) -> Iterator[str]:
    prefix = model.prefix
    if model.weights_apart:
        yield DECLARATIONS.format(name=model.name, prefix=prefix, PREFIX=prefix.upper())
    else:
        yield (
            "/* Returns 0, or -1 when the arena is NULL, too small or misaligned. */\n"
            f"int {prefix}_init({prefix}_t *nn, void *arena, size_t arena_size);"
        )
    yield (
        "/* Runs the model on whole inputs, which are only read, apart from the outputs. Returns 0. */\n"
        f"int {prefix}_run({prefix}_t *nn, {parameters(model)});"
    )
    if model.real:
        yield (
            "/* The same with real numbers where the model has them, quantized as they are read. */\n"
            f"int {prefix}_run_f32({prefix}_t *nn, {parameters(model, real=True)});"
        )
    if model.pushes:
        yield f"/* Starts an image; drops a half-pushed one. */\nvoid {prefix}_begin({prefix}_t *nn);"
        yield (
            "/* Takes a line. Returns 0: more lines needed, 1: answer complete, -1: not begun. */\n"
            f"int {prefix}_push_row({prefix}_t *nn, {pushed_parameters(model)});"
        )
    for edge in model.inputs:
        yield (
            "/* Rounds half away from zero and saturates, as TFLite does; NaN becomes -128. */\n"
            f"int8_t {prefix}_quantize{edge.suffix}(float real);"
        )
    for edge in model.outputs:
        if edge.scaling is not None:
            yield f"float {prefix}_dequantize{edge.suffix}(int8_t q);"
    if model.classes:
        yield (
            f"extern const char *const {prefix}_labels[{prefix.upper()}_CLASSES];\n\n"
            f"/* The number of the most likely class. */\nint {prefix}_class(const int8_t *output);"
        )


def describe(model: CModel) -> str:
    """Return the model's description, safe inside a comment."""
    return comment_text(model.original.description or model.name)


_HEADER = """\
/* SPDX-License-Identifier: 0BSD */
/* {name}.h - int8 CNN "{name}" as plain C, generated by edgecnn {version} for target "{target}". Do not edit.
 *
 *   model    sha256 {sha256}
{edges}
 *   RAM      {arena} bytes of arena, yours, and one {prefix}_t; no other writable data
 *   work     {macs} multiplications per inference
 *   needs    C99 or C++11 for this header, C99 for {name}.c; no malloc, no libm
 *
 * USAGE
{usage}
 *
 * Threads: give each its own {prefix}_t and arena.
 * {name}.h and {name}.c, kernels included, are yours: use them as you like; no notice is needed.
 */
#ifndef {PREFIX}_H
#define {PREFIX}_H

#include <stddef.h>
#include <stdint.h>

#define {PREFIX}_GENERATOR "edgecnn {version}"
#define {PREFIX}_MODEL_SHA256 "{sha256}"
#define {PREFIX}_MODEL_ID 0x{id}u /* header and source must agree */
#define {PREFIX}_ARENA_SIZE {arena}u
#define {PREFIX}_ARENA_ALIGN {align}u
{macros}

/* `static {PREFIX}_ARENA(arena);` defines an arena of the right size, and of the right alignment up to 8. */
#define {PREFIX}_ARENA(name) \\
    union {{ int8_t bytes[{PREFIX}_ARENA_SIZE]; int64_t align; }} name

#ifdef __cplusplus
extern "C" {{
#endif

/* What a running inference remembers beside the arena; its members are nobody else's business. */
typedef struct {{
    int8_t *arena;
{weights}    uint32_t position;
    uint16_t line;
    uint16_t fired[{steps}];
    uint8_t step, left;
}} {prefix}_t;

{functions}

#ifdef __cplusplus
}}
#endif
#endif /* {PREFIX}_H */
"""
