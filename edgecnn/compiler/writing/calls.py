# SPDX-License-Identifier: Apache-2.0
"""The functions of NAME.c around the network: pushed lines, real numbers, classes."""

from collections.abc import Iterator

from edgecnn.compiler.writing import templates
from edgecnn.compiler.writing.header import parameters, pushed_parameters
from edgecnn.compiler.writing.model import CModel, Edge
from edgecnn.compiler.writing.text import string_literal


def helpers(model: CModel) -> Iterator[str]:
    """Yield the functions that a model has beside `run`."""
    prefix, name = model.prefix, model.name
    words = {"prefix": prefix, "PREFIX": prefix.upper(), "name": name}
    if model.pushes:
        yield templates.PUSH.format(
            **words,
            parameters=pushed_parameters(model),
            call=call(
                model,
                "1",
                "0",
                ", ".join([row_bytes(model.inputs[0], "row"), *map(out_bytes, model.outputs)]),
            ),
            live=model.schedule.network.height[model.inputs[0].tensor],
        )
    if model.real:
        yield _run_f32(model)
    for edge in model.inputs:
        yield templates.QUANTIZE.format(**words, **_words_of(edge))
    for edge in model.outputs:
        if edge.scaling is not None:
            yield templates.DEQUANTIZE.format(**words, **_words_of(edge))
    if model.classes:
        labels = ",\n".join(f"    {string_literal(label)}" for label in model.labels)
        yield f"const char *const {prefix}_labels[{prefix.upper()}_CLASSES] = {{\n{labels}\n}};\n"
        template = templates.ONE_CLASS if model.outputs[0].size == 1 else templates.CLASS
        yield template.format(**words, ctype=model.outputs[0].ctype)


def _words_of(edge: Edge) -> dict[str, object]:
    """Return what the templates of the functions from and to real numbers take of an input or output."""
    return {
        "suffix": edge.suffix,
        "NAME": edge.name.upper(),
        "ctype": edge.ctype,
        "LIMIT": edge.dtype.upper(),
        "beyond": f"{4 * 2 ** (8 * edge.itemsize)}.0f",
    }


def _run_f32(model: CModel) -> str:
    prefix = model.prefix
    before, after = [], []
    arguments = [row_bytes(edge, edge.name) for edge in model.inputs]
    for edge in model.outputs:
        if edge.real:
            # Bytes at the end of the floats' own memory: each is read before a float is written over it.
            first = (4 - edge.itemsize) * edge.size
            before.append(f"    int8_t *const q_{edge.name} = (int8_t *)(void *){edge.name} + {first}u;\n")
            after.append(
                f"    for (size_t i = 0; i < {edge.size}u; ++i) {{\n"
                f"        {edge.ctype} q;\n"
                f"        memcpy(&q, q_{edge.name} + {edge.itemsize}u * i, sizeof q);\n"
                f"        {edge.name}[i] = {prefix}_dequantize{edge.suffix}(q);\n    }}\n"
            )
        arguments.append(f"q_{edge.name}" if edge.real else out_bytes(edge))
    return (
        f"int {prefix}_run_f32({prefix}_t *nn, {parameters(model, real=True)})\n{{\n"
        + "".join(before)
        + f"    {model.name}_start(nn);\n"
        + f"    (void){call(model, 'INT32_MAX', '1', ', '.join(arguments))};\n"
        + "    nn->line = UINT16_MAX;\n"
        + "".join(after)
        + "    return 0;\n}\n"
    )


def call(model: CModel, lines: str, real: str, arguments: str) -> str:
    """Return the call of the function that fires the steps."""
    flags = (f"{lines}, " if model.pushes else "") + (
        f"{real}, " if any(edge.real for edge in model.inputs) else ""
    )
    return f"{model.name}_advance(nn, {flags}{arguments})"


def row_bytes(edge: Edge, values: str) -> str:
    """Return the C expression of an input's bytes, or of what may be floats."""
    return values if edge.dtype == "int8" or edge.real else f"(const int8_t *)(const void *){values}"


def out_bytes(edge: Edge) -> str:
    """Return the C expression of an output's bytes."""
    return edge.name if edge.dtype == "int8" else f"(int8_t *)(void *){edge.name}"
