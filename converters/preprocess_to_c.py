# SPDX-License-Identifier: Apache-2.0
"""The way from a camera's lines to a model's input rows, as C for one model.

What the C computes is the rule of edgecnn/data/frames.py, then that of edgecnn/data/resize.py, then the
input's quantization, byte for byte.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn import __version__
from edgecnn.compiler import quant
from edgecnn.compiler.ir import Fitting, Graph, Tensor, Window
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.picture import require_normalization
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing import arrays
from edgecnn.compiler.writing.model import output_names
from edgecnn.compiler.writing.text import check_name
from edgecnn.data.window import FULL
from edgecnn.errors import ModelError
from edgecnn.files import write_texts

_BODY = Path(__file__).with_suffix(".c")
_FARTHEST = 1 << 20  # a bound of a window: 256 times what lies between two fits 32 bits
_MOST_PIXELS = 16383  # a side: what the 32-bit numbers of the C allow


def write_preprocess(folder: Path, model: bytes, name: str) -> list[Path]:
    """Write NAME_preprocess.h and NAME_preprocess.c into `folder`, and return their paths.

    The arguments and errors are those of `preprocess_to_c`.
    """
    header, source = preprocess_to_c(model, name)
    return write_texts(folder, {f"{name}_preprocess.h": header, f"{name}_preprocess.c": source})


def takes_image(graph: Graph) -> bool:
    """Whether there is preprocessing for a model: it takes one image, grey or RGB, as int8."""
    try:
        input_image(graph)
    except ModelError:
        return False
    return True


def preprocess_to_c(model: bytes, name: str) -> tuple[str, str]:
    """Return the text of NAME_preprocess.h and of NAME_preprocess.c.

    Args:
        model: the bytes of a .tflite file with one image input, int8 or float32 with a QUANTIZE behind it.
        name: what the files, and after "edgecnn_" all identifiers, start with.

    Raises:
        ModelError: `model` takes something else than one grey or RGB image, or `name` can't prefix a C
            identifier.
    """
    check_name(name)
    graph = parse(model)
    image, table = input_image(graph)
    _, height, width, channels = image.shape
    fields = {
        "version": __version__,
        "sha256": graph.sha256,
        "id": graph.sha256[:8],
        "height": str(height),
        "width": str(width),
        "channels": str(channels),
        "outputs": ", ".join(output_names(graph)),
        "kind": "grey" if channels == 1 else "RGB",
        **_window_fields(graph.window or FULL),
        **_fitting_fields(graph.fitting, height, width),
    }
    body = _BODY.read_text(encoding="ascii").split('#include "NAME_preprocess.h"\n', maxsplit=1)[1]
    texts = _HEADER, _HEAD + _quantize(table) + body
    header, source = (_filled(text, name, fields) for text in texts)
    return header, source


def _window_fields(window: Window) -> dict[str, str]:
    """Return what the header says of frames of 16 bits; nothing where the window is not of such integers."""
    if any(not isinstance(bound, int) or abs(bound) > _FARTHEST for bound in window):
        return {"window": "", "grey16": ""}
    macros = _WINDOW.replace("@low@", f"({window.low})").replace("@high@", f"({window.high})")
    sign = "with a sign" if window.low < 0 else "without a sign"
    return {"window": macros, "grey16": _GREY16.replace("@sign@", sign)}


def _fitting_fields(fitting: Fitting, height: int, width: int) -> dict[str, str]:
    """Return what the header says of the part of a frame that the model sees, and how that is resized."""
    pads, bilinear = fitting.fit == "pad", fitting.resize == "bilinear"
    macros = "".join(
        f"#define EDGECNN_NAME_PREPROCESS_{name}\n"
        for name, holds in (
            ("CROPS", fitting.fit == "crop"),
            ("PADS", pads),
            ("BILINEAR", bilinear),
            ("BGR", fitting.order == "BGR"),
        )
        if holds
    )
    sides = {"height": str(height), "width": str(width)}
    names = ("EDGECNN_NAME_PREPROCESS_INNER_WIDTH", "EDGECNN_NAME_PREPROCESS_INNER_HEIGHT")
    inner = [f"{name}(crop_width, crop_height)" for name in names] if pads else [f"{width}", f"{height}"]
    return {
        "fitting": macros and f"/* What training did, and this C does. */\n{macros}",
        "taps": _TWO_TAPS if bilinear else _TAPS,
        "inner": _replaced(_INNER, sides) if pads else "",
        "columns": inner[0],
        "rows": inner[1],
        "line_unit": f"{inner[0]} * 2u" if pads else f"{width}u * 2u",
        "aspect": _replaced(_ASPECTS[fitting.fit], sides),
        "members": _PAD_MEMBERS if pads else "",
    }


def _replaced(text: str, fields: dict[str, str]) -> str:
    for field, value in fields.items():
        text = text.replace(f"@{field}@", value)
    return text


def _filled(text: str, name: str, fields: dict[str, str]) -> str:
    text = _replaced(text, fields)
    names = {"EDGECNN_NAME": f"EDGECNN_{name.upper()}", "NAME": name}
    return re.sub("EDGECNN_NAME|NAME", lambda found: names[found[0]], text)


def input_image(graph: Graph) -> tuple[Tensor, NDArray[np.int8]]:
    """Return the int8 image that the compiled model takes, and its values for the bytes of a picture.

    These are (256, 1), or (256, channels) where each channel has its own.

    Raises:
        ModelError: it takes something else than one grey or RGB image, or nothing tells of what range.
    """
    inner = integer_edges(graph)
    if len(inner.inputs) != 1:
        raise ModelError(f"the model has {len(inner.inputs)} inputs; preprocessing makes one image")
    seen, image = graph.tensors[graph.inputs[0]], inner.tensors[inner.inputs[0]]
    if graph.ranges is not None:
        raise ModelError(
            f'the model\'s input "{image.name}" is of numbers, and a camera makes pictures: '
            "export it by --format c"
        )
    shape = list(image.shape)
    if len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3) or max(shape) > _MOST_PIXELS:
        raise ModelError(
            f'the model\'s input "{image.name}" is {shape}; an image is [1, height, width, 1 or 3], '
            f"up to {_MOST_PIXELS} pixels a side"
        )
    if image.dtype != "int8" or image.quantization is None:
        raise ModelError(f'the model\'s input "{image.name}" is {image.dtype}; export it with an int8 input')
    normalization, quantization = require_normalization(graph), image.quantization
    if seen.dtype == "float32":
        return image, quant.quantize(quant.byte_table(normalization), quantization)
    return image, quant.byte_table(normalization, quantization.scale, quantization.zero_point, "int8")


def _quantize(table: NDArray[np.int8]) -> str:
    """Return the C function from a byte, at a place in its row, to the model's int8."""
    if (table == np.arange(-128, 128)[:, np.newaxis]).all():
        return _MINUS_128
    values = arrays.table("NAME_int8_of_byte", table)
    return values + (_BY_TABLE if table.shape[1] == 1 else _BY_CHANNEL)


_MINUS_128 = """\
static int8_t NAME_quantize(uint8_t byte, int x)
{
    (void)x;
    return (int8_t)(byte - 128);
}
"""

_BY_TABLE = """
static int8_t NAME_quantize(uint8_t byte, int x)
{
    (void)x;
    return NAME_int8_of_byte[byte];
}
"""

_BY_CHANNEL = """
static int8_t NAME_quantize(uint8_t byte, int x)
{
    return NAME_int8_of_byte[byte * EDGECNN_NAME_PREPROCESS_CHANNELS + x % EDGECNN_NAME_PREPROCESS_CHANNELS];
}
"""

_WINDOW = """
/* Of frames of 16 bits, the values that become 0 to 255, as in training; those beyond become 0 and 255. */
#define EDGECNN_NAME_WINDOW_LOW @low@
#define EDGECNN_NAME_WINDOW_HIGH @high@
"""

_GREY16 = """\
    EDGECNN_NAME_GREY16_LE, /* 16 bits for each, @sign@, low byte first, through the window */
    EDGECNN_NAME_GREY16_BE, /* the same, high byte first */
"""

_TAPS = """\
/* The most samples that one is made of where `from` become `to`. */
#define EDGECNN_NAME_PREPROCESS_TAPS(from, to) \\
    ((2u * (size_t)((from) > (to) ? (from) : (to)) + (to) - 1u) / (to))
"""

_TWO_TAPS = """\
/* The most samples that one is made of where `from` become `to`. */
#define EDGECNN_NAME_PREPROCESS_TAPS(from, to) (2u + 0u * (size_t)(from) * (size_t)(to))
"""

_INNER = """
/* What the picture becomes, between black bars. */
#define EDGECNN_NAME_PREPROCESS_INNER_WIDTH(crop_width, crop_height) \\
    EDGECNN_NAME_PREPROCESS_INNER(@width@, @height@, crop_width, crop_height)
#define EDGECNN_NAME_PREPROCESS_INNER_HEIGHT(crop_width, crop_height) \\
    EDGECNN_NAME_PREPROCESS_INNER(@height@, @width@, crop_height, crop_width)
#define EDGECNN_NAME_PREPROCESS_INNER(side, other, crop, across) \\
    ((size_t)(crop) * (other) >= (size_t)(across) * (side) \\
         ? (size_t)(side) \\
         : (size_t)(crop) * (other) < (size_t)(across) ? 1u : (size_t)(crop) * (other) / (size_t)(across))
"""

_PAD_MEMBERS = """\
    uint16_t inner_width, inner_height, left, top;
"""

_ASPECTS = {
    "squash": "The aspect ratio of the crop is not kept: the model sees it squeezed to "
    "@width@x@height@, as in training.",
    "crop": "Of the crop the model sees the middle of its own aspect ratio, @width@ to @height@, as trained.",
    "pad": "The model sees all of the crop, its aspect ratio kept, between black bars, as in training.",
}

_HEADER = """\
/* SPDX-License-Identifier: 0BSD */
/* NAME_preprocess.h - from a camera's lines to the input rows of the model "NAME".
 * Generated by edgecnn @version@. Do not edit.
 *
 *   model    sha256 @sha256@
 *   takes    lines of a frame of any size up to 16383x16383, in the formats below
 *   makes    @height@ rows of int8[@width@][@channels@], @kind@: cropped, resized, quantized as in training
 *   RAM      a few rows, yours, and one edgecnn_NAME_preprocess_t; no other writable data
 *   needs    C99 or C++11 for this header, C99 for NAME_preprocess.c; no malloc, no libc calls, no floats
 *
 * USAGE
 *   static EDGECNN_NAME_PREPROCESS_MEMORY(memory, 240, 240);   width and height of the crop
 *   edgecnn_NAME_frame_t frame = {EDGECNN_NAME_RGB565_BE, 320, 240, 40, 0, 240, 240};
 *   edgecnn_NAME_preprocess_t pre;
 *   if (edgecnn_NAME_preprocess_init(&pre, &frame, &memory, sizeof memory) != 0) { ... }
 *
 *   for each frame: edgecnn_NAME_preprocess_begin(&pre); edgecnn_NAME_begin(&nn);
 *   for each line of it, top to bottom:
 *       edgecnn_NAME_preprocess_push(&pre, line);
 *       while (edgecnn_NAME_preprocess_pull(&pre, row) == 1) {
 *           if (edgecnn_NAME_push_row(&nn, row, @outputs@) == 1) { output is complete }
 *       }
 *
 * @aspect@
 * NAME_preprocess.h and NAME_preprocess.c are yours: use them as you like; no notice is needed.
 */
#ifndef EDGECNN_NAME_PREPROCESS_H
#define EDGECNN_NAME_PREPROCESS_H

#include <stddef.h>
#include <stdint.h>

#define EDGECNN_NAME_PREPROCESS_MODEL_SHA256 "@sha256@"
#define EDGECNN_NAME_PREPROCESS_MODEL_ID 0x@id@u /* header and source must agree */
#define EDGECNN_NAME_PREPROCESS_WIDTH @width@
#define EDGECNN_NAME_PREPROCESS_HEIGHT @height@
#define EDGECNN_NAME_PREPROCESS_CHANNELS @channels@
#define EDGECNN_NAME_PREPROCESS_ROW_SIZE (@width@u * @channels@u) /* bytes */
@window@
@fitting@@taps@@inner@
/* Bytes of memory for a crop: weights of columns and of a row, resized lines, and one that is not yet. */
#define EDGECNN_NAME_PREPROCESS_MEMORY_SIZE(crop_width, crop_height) \\
    (@line_unit@ * (2u + EDGECNN_NAME_PREPROCESS_TAPS(crop_width, @columns@)) + \\
     2u * (2u + EDGECNN_NAME_PREPROCESS_TAPS(crop_height, @rows@)) + \\
     EDGECNN_NAME_PREPROCESS_ROW_SIZE * EDGECNN_NAME_PREPROCESS_TAPS(crop_height, @rows@) + \\
     @channels@u * (size_t)(crop_width))

/* `static EDGECNN_NAME_PREPROCESS_MEMORY(memory, width, height);` defines memory of the right size. */
#define EDGECNN_NAME_PREPROCESS_MEMORY(name, crop_width, crop_height) \\
    union { \\
        uint8_t bytes[EDGECNN_NAME_PREPROCESS_MEMORY_SIZE(crop_width, crop_height)]; \\
        uint16_t align; \\
    } name

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    EDGECNN_NAME_GREY,      /* a byte for each pixel */
@grey16@    EDGECNN_NAME_RGB888,    /* red, green, blue */
    EDGECNN_NAME_RGB565_LE, /* rrrrrggg gggbbbbb, low byte first */
    EDGECNN_NAME_RGB565_BE, /* the same, high byte first, as most sensors send it */
    EDGECNN_NAME_YUYV       /* YUV422, Y0 U Y1 V, ITU-R BT.601 at full range; frames of even width */
} edgecnn_NAME_format_t;

/* Lines of `width` pixels, of which the model sees a part; crop_width and crop_height 0 mean all of them. */
typedef struct {
    edgecnn_NAME_format_t format;
    uint16_t width, height;
    uint16_t crop_x, crop_y, crop_width, crop_height;
} edgecnn_NAME_frame_t;

/* Its members are nobody else's business. */
typedef struct {
    edgecnn_NAME_frame_t frame;
    uint16_t *columns, *next;
    uint8_t *ring, *pixels;
    uint16_t slots, line, row;
@members@} edgecnn_NAME_preprocess_t;

/* Returns 0, or -1: the frame is empty, too large, or smaller than the crop, or YUYV of odd width; memory is
 * NULL, too small or misaligned. A first frame may follow without `begin`.
 */
int edgecnn_NAME_preprocess_init(edgecnn_NAME_preprocess_t *pre, const edgecnn_NAME_frame_t *frame,
                                 void *memory, size_t memory_size);

/* Starts a frame; drops one that is not complete. */
void edgecnn_NAME_preprocess_begin(edgecnn_NAME_preprocess_t *pre);

/* Takes a line of the frame. Returns 0, or -1: the frame is complete, or a row waits for `pull`. */
int edgecnn_NAME_preprocess_push(edgecnn_NAME_preprocess_t *pre, const uint8_t *line);

/* Returns 1 and writes the model's next row, ROW_SIZE bytes; or 0: it needs more lines. */
int edgecnn_NAME_preprocess_pull(edgecnn_NAME_preprocess_t *pre, int8_t *row);

#ifdef __cplusplus
}
#endif
#endif /* EDGECNN_NAME_PREPROCESS_H */
"""

_HEAD = """\
/* SPDX-License-Identifier: 0BSD */
/* NAME_preprocess.c - see NAME_preprocess.h. Generated by edgecnn @version@. Do not edit. */
#include "NAME_preprocess.h"

#if EDGECNN_NAME_PREPROCESS_MODEL_ID != 0x@id@u
#error "NAME_preprocess.h and NAME_preprocess.c come from different models: regenerate both"
#endif

typedef char NAME_int_has_32_bits[sizeof(int) >= 4 ? 1 : -1];
typedef char NAME_right_shift_is_arithmetic[(-1 >> 1) == -1 ? 1 : -1];

"""
