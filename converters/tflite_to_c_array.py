# SPDX-License-Identifier: Apache-2.0
"""A .tflite file as constant data in C, for TensorFlow Lite Micro and whatever else reads it from memory."""

import textwrap
from binascii import hexlify
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edgecnn import __version__
from edgecnn.compiler.ir import Graph, Quantization, Tensor, short_name
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.text import check_name, comment_text, float_literal, string_literal
from edgecnn.files import write_bytes, write_text

_WORDS_PER_LINE = 5  # 96 columns
_BYTE_MINUS_128 = Quantization((float(np.float32(1 / 255)),), (-128,))  # how edgecnn's own models take images
_INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
_C_TYPES = {"float32": "float", "float64": "double", **{name: f"{name}_t" for name in _INTEGERS}}


def write_c_array(
    folder: Path, model: bytes, name: str, labels: Sequence[str] = (), *, incbin: bool = False
) -> list[Path]:
    """Write NAME.h and NAME.c into `folder`, and with `incbin` the model beside them as NAME.tflite.

    The arguments are those of `tflite_to_c_array`. Returns the files written.
    """
    header, source = tflite_to_c_array(model, name, labels, incbin=incbin)
    paths = [folder / f"{name}.h", folder / f"{name}.c"]
    write_text(paths[0], header)
    write_text(paths[1], source)
    if incbin:
        paths.append(folder / f"{name}.tflite")
        write_bytes(paths[2], model)
    return paths


def tflite_to_c_array(
    model: bytes, name: str, labels: Sequence[str] = (), *, incbin: bool = False
) -> tuple[str, str]:
    """Return the text of NAME.h and of NAME.c; the same arguments give the same text.

    The header is valid C99 and C++11 and is its own manual; so is the source.

    Args:
        model: The bytes of a .tflite file.
        name: What every identifier and both files start with.
        labels: One per class, in the order of the model's output; none leaves them out of the C.
        incbin: Have the assembler read NAME.tflite in place of writing its bytes out: builds at once whatever
            the size, but needs GCC or clang, ELF, and the .tflite on the include path.

    Raises:
        ModelError: `model` is no .tflite file, or `name` can't prefix a C identifier.
    """
    check_name(name)
    graph = parse(model)
    fields = {"name": name, "NAME": name.upper(), "version": __version__, "size": len(model)}
    fields |= {"sha256": graph.sha256, "id": f"0x{graph.sha256[:8]}u"}
    manual = "".join(f" *   {line}\n" for line in _facts(graph, labels))
    macros = "\n".join(
        f"#define {name.upper() + key:<{len(name) + 20}} {value}" for key, value in _macros(graph, labels)
    )
    declaration = f"extern const char *const {name}_labels[{name.upper()}_LABEL_COUNT];\n" if labels else ""
    header = _HEADER.format(**fields, manual=manual, macros=macros, labels=declaration)
    data = _INCBIN.format(**fields) if incbin else _WORDS.format(**fields, data=_hex_words(model))
    return header, _SOURCE.format(**fields) + data + _label_array(name, labels)


def _hex_words(model: bytes) -> str:
    """Return the model as 64-bit hexadecimal numbers, the first byte lowest; zeros fill the last.

    All lines are made at once, as columns of a table of characters: 2.4 of them per byte of the model, and
    gcc has an eighth of the numbers to read that an array of bytes would give it.
    """
    count = -(-len(model) // 8)
    lines = -(-count // _WORDS_PER_LINE)
    words = np.frombuffer(model.ljust(lines * _WORDS_PER_LINE * 8, b"\0"), np.uint64).byteswap().tobytes()
    text = np.empty((lines, _WORDS_PER_LINE * 19 + 1), np.uint8)
    text[:, -1] = ord("\n")
    columns = text[:, :-1].reshape(lines, _WORDS_PER_LINE, 19)
    columns[..., :2] = np.frombuffer(b"0x", np.uint8)
    columns[..., 2:18] = np.frombuffer(hexlify(words), np.uint8).reshape(lines, _WORDS_PER_LINE, 16)
    columns[..., 18] = ord(",")
    return text.tobytes()[: count * 19 + lines - 1].decode("ascii").rstrip(",\n")


def _edges(graph: Graph) -> Iterator[tuple[str, list[Tensor]]]:
    """Yield inputs and outputs in the file's order, by which an interpreter numbers them."""
    yield "input", [graph.tensors[index] for index in graph.inputs]
    yield "output", [graph.tensors[index] for index in graph.outputs]


def _titles(graph: Graph, edges: Sequence[int]) -> list[str]:
    """Return what the signature calls several inputs or outputs, fit for the manual."""
    if graph.signature is None or len(edges) == 1:
        return [""] * len(edges)
    names = [short_name(graph.signature.name(index)) for index in edges]
    return [f'   "{comment_text(name)}"' if name else "" for name in names]


def _facts(graph: Graph, labels: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the manual's table that depend on the model."""
    titles = [*_titles(graph, graph.inputs), *_titles(graph, graph.outputs)]
    edges = [(kind, tensor) for kind, tensors in _edges(graph) for tensor in tensors]
    for (kind, tensor), title in zip(edges, titles, strict=True):
        shape = "".join(f"[{size}]" for size in tensor.shape)
        yield f"{kind:<8}{tensor.dtype + shape:<24}{_meaning(tensor.quantization)}{title}".rstrip()
    if labels:
        yield "labels  " + textwrap.shorten(comment_text(", ".join(labels)), 90, placeholder=" ...")
    if [graph.tensors[index].quantization for index in graph.inputs] == [_BYTE_MINUS_128]:
        yield "image   a byte b of a picture, 0 to 255, goes in as b - 128"


def _meaning(quantization: Quantization | None) -> str:
    if quantization is None:
        return ""
    sign = "-" if quantization.zero_point >= 0 else "+"
    return f"real = {quantization.scale:.9g} * (q {sign} {abs(quantization.zero_point)})"


def _macros(graph: Graph, labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the macros that depend on the model, without the name before them, and their values."""
    for kind, tensors in _edges(graph):
        for index, tensor in enumerate(tensors):
            edge = f"_{kind.upper()}_{index}_" if len(tensors) > 1 else f"_{kind.upper()}_"
            yield from ((edge + key, value) for key, value in _facts_in_c(tensor).items())
    if labels:
        yield "_LABEL_COUNT", str(len(labels))


def _facts_in_c(tensor: Tensor) -> dict[str, str]:
    facts = {}
    if tensor.dtype in _C_TYPES:
        facts["TYPE"] = _C_TYPES[tensor.dtype]
    if tensor.shape:
        facts["SHAPE"] = "{" + ", ".join(map(str, tensor.shape)) + "}"
    facts["RANK"] = str(len(tensor.shape))
    facts["SIZE"] = f"{tensor.size} /* elements */"
    if tensor.quantization is not None:
        facts["SCALE"] = float_literal(tensor.quantization.scale)
        facts["ZERO_POINT"] = f"({tensor.quantization.zero_point})"
    return facts


def _label_array(name: str, labels: Sequence[str]) -> str:
    if not labels:
        return ""
    lines = ",\n".join("    " + string_literal(label) for label in labels)
    return f"\nconst char *const {name}_labels[{name.upper()}_LABEL_COUNT] = {{\n{lines}\n}};\n"


_HEADER = """\
/* SPDX-License-Identifier: 0BSD */
/* {name}.h - a TensorFlow Lite model as constant data, generated by edgecnn {version}. Do not edit.
 *
 *   model   {size} bytes, sha256 {sha256}
{manual} *   needs   C99 or C++11, <stdint.h>, little-endian; no code, no RAM
 *
 * USAGE
 *   Compile {name}.c with your firmware and, with TensorFlow Lite Micro, say
 *     const tflite::Model *model = tflite::GetModel({NAME}_DATA);
 *   {NAME}_DATA is an array of {NAME}_SIZE bytes, aligned to 16, which stays in flash.
 *
 * {name}.h and {name}.c are yours: use them as you like; no notice is needed.
 */
#ifndef {NAME}_H
#define {NAME}_H

#include <stdint.h>

#define {NAME}_SHA256              "{sha256}"
#define {NAME}_ID                  {id} /* header and source must agree */
#define {NAME}_SIZE                {size}u /* bytes */
#define {NAME}_DATA                ({name}_storage.bytes)
{macros}

#ifdef __cplusplus
extern "C" {{
#endif

typedef union {{
    uint64_t words[({NAME}_SIZE + 7u) / 8u];
    uint8_t bytes[{NAME}_SIZE];
}} {name}_storage_t;

extern const {name}_storage_t {name}_storage;
{labels}
#ifdef __cplusplus
}}
#endif
#endif /* {NAME}_H */
"""

_SOURCE = """\
/* SPDX-License-Identifier: 0BSD */
/* {name}.c - see {name}.h. Generated by edgecnn {version}. Do not edit. */
#include "{name}.h"

#if {NAME}_ID != {id}
#error "{name}.h and {name}.c come from different models: regenerate both"
#endif
"""

_WORDS = """
#if (defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) || \\
    defined(__ARM_BIG_ENDIAN) || (defined(__ARMCC_VERSION) && defined(__BIG_ENDIAN)) || \\
    (defined(__LITTLE_ENDIAN__) && __LITTLE_ENDIAN__ == 0)
#error "{name}.c holds the model as little-endian words; this target is big-endian"
#endif

#ifndef {NAME}_ALIGN_16
#if defined(__cplusplus)
#define {NAME}_ALIGN_16 alignas(16)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define {NAME}_ALIGN_16 _Alignas(16)
#elif defined(__GNUC__) || defined(__ARMCC_VERSION) || defined(__TI_COMPILER_VERSION__)
#define {NAME}_ALIGN_16 __attribute__((aligned(16)))
#elif defined(_MSC_VER)
#define {NAME}_ALIGN_16 __declspec(align(16))
#else
#error "define {NAME}_ALIGN_16 as what aligns an object to 16 bytes in this compiler"
#endif
#endif

{NAME}_ALIGN_16 const {name}_storage_t {name}_storage = {{{{
{data}
}}}};
"""

# The count makes the assembler refuse a file that is too short. "%progbits": "@" starts a comment on ARM.
_INCBIN = """
#if !defined(__GNUC__) || !defined(__ELF__)
#error "{name}.c needs GCC or clang and an ELF target for .incbin: export it without"
#endif

/* The assembler looks for {name}.tflite along the -I paths. */
__asm__(".pushsection .rodata.{name}_storage, \\"a\\", %progbits\\n"
        ".balign 16\\n"
        ".global {name}_storage\\n"
        ".type {name}_storage, %object\\n"
        "{name}_storage:\\n"
        ".incbin \\"{name}.tflite\\", 0, {size}\\n"
        ".balign 8\\n"
        ".size {name}_storage, . - {name}_storage\\n"
        ".popsection\\n");
"""
