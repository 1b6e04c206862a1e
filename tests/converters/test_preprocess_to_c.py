# SPDX-License-Identifier: Apache-2.0
"""Preprocessing in C equals Python's to the byte, over sizes, crops, formats and quantizations."""

import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from networks import float_edges, two_ends
from tflite_builder import Builder

from edgecnn.compiler.ir import SQUASHED, Fitting, Normalization, Window
from edgecnn.compiler.picture import UNIT, as_values
from edgecnn.compiler.quant import byte_table
from edgecnn.converters.preprocess_to_c import preprocess_to_c, write_preprocess
from edgecnn.converters.tflite_metadata import add_fitting, add_metadata
from edgecnn.data.frames import decode_frame
from edgecnn.data.images import decode, fit_image, load_image
from edgecnn.data.window import FULL, to_bytes
from edgecnn.errors import EdgecnnError, ModelError
from edgecnn.runtime.host_compiler import HostCompiler, execute
from edgecnn.runtime.tflite import TfliteModel

FORMATS = ("grey", "grey16_le", "grey16_be", "rgb888", "rgb565_le", "rgb565_be", "yuyv")
BYTES = {"grey": 1, "rgb888": 3}

# Reads frames, each behind the members of a frame_t, and writes the rows that come of them. Every buffer has
# exactly the size that the header says, so that AddressSanitizer sees a byte too many.
MAIN = r"""
#include "cam_preprocess.h"
#include <stdio.h>
#include <stdlib.h>

static const size_t bytes_per_pixel[] = {1, 2, 2, 3, 2, 2, 2, 2 /* no format */};

int main(void)
{
    uint16_t v[7];
    while (fread(v, sizeof v, 1, stdin) == 1) {
        edgecnn_cam_frame_t frame = {(edgecnn_cam_format_t)v[0], v[1], v[2], v[3], v[4], v[5], v[6]};
        const unsigned width = v[5] > 0 ? v[5] : v[1], height = v[6] > 0 ? v[6] : v[2];
        const size_t size = EDGECNN_CAM_PREPROCESS_MEMORY_SIZE(width, height);
        const size_t line_size = v[1] * bytes_per_pixel[v[0]];
        void *memory = malloc(size);
        uint8_t *line = calloc(line_size, 1);
        edgecnn_cam_preprocess_t pre;
        unsigned rows = 0;
        if (edgecnn_cam_preprocess_init(&pre, &frame, memory, size - 1) != -1 ||
            edgecnn_cam_preprocess_init(&pre, &frame, (char *)memory + 1, size) != -1 ||
            edgecnn_cam_preprocess_init(&pre, &frame, NULL, size) != -1 ||
            edgecnn_cam_preprocess_init(&pre, &frame, memory, size) != 0) {
            return 1;
        }
        (void)edgecnn_cam_preprocess_push(&pre, line); /* dropped */
        edgecnn_cam_preprocess_begin(&pre);
        for (unsigned y = 0; y < v[2]; ++y) {
            int8_t row[EDGECNN_CAM_PREPROCESS_ROW_SIZE];
            if (fread(line, line_size, 1, stdin) != 1 || edgecnn_cam_preprocess_push(&pre, line) != 0) {
                return 3;
            }
            while (edgecnn_cam_preprocess_pull(&pre, row) == 1) {
                fwrite(row, sizeof row, 1, stdout);
                ++rows;
            }
        }
        if (rows != EDGECNN_CAM_PREPROCESS_HEIGHT || edgecnn_cam_preprocess_push(&pre, line) != -1) {
            return 4;
        }
        free(memory);
        free(line);
    }
    return 0;
}
"""


def model(shape, scale=1 / 255, zero_point=-128, normalization=UNIT, window=None, fitting=SQUASHED):
    builder = Builder()
    source = builder.input((1, *shape), scale, zero_point)
    content = builder.build((source,), (builder.fully_connected(source, 2),))
    content = add_metadata(content, "cam", "", window=window, normalization=normalization)
    return add_fitting(content, fitting)


def build(folder, content, compiler=None, main=MAIN):
    paths = write_preprocess(folder, content, "cam")
    (folder / "main.c").write_text(main)
    compiler = compiler or HostCompiler(sanitize=True, flags=("-O1",))
    compiler.compile([folder / "main.c", paths[1]], folder / "program", [f"-I{folder}"])
    return folder / "program"


def case(form, width, height, crop=(0, 0, 0, 0), seed=0):
    """The input of MAIN, and the arguments of `expected`."""
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 256, width * height * BYTES.get(form, 2), np.uint8).tobytes()
    return struct.pack("7H", FORMATS.index(form), width, height, *crop) + data, (
        data,
        form,
        width,
        height,
        crop,
    )


def expected(shape, table, data, form, width, height, crop, *, window=FULL, fitting=SQUASHED):
    image = decode_frame(data, form, height, width, shape[2], window)
    x, y, wide, high = crop if crop[2] else (0, 0, width, height)
    return as_values(fit_image(image[y : y + high, x : x + wide], *shape, fitting), table).tobytes()


def check(folder, shape, cases, scale=1 / 255, zero_point=-128, normalization=UNIT, fitting=SQUASHED):
    table = byte_table(normalization, float(np.float32(scale)), zero_point, "int8")
    program = build(folder, model(shape, scale, zero_point, normalization, fitting=fitting))
    made = execute(program, b"".join(data for data, _ in cases))
    size = int(np.prod(shape))
    for index, (_, arguments) in enumerate(cases):
        wanted = expected(shape, table, *arguments, fitting=fitting)
        assert made[index * size : (index + 1) * size] == wanted, arguments[1:]


@pytest.mark.needs_tool("gcc", package="gcc")
@pytest.mark.parametrize("shape", [(64, 64, 1), (24, 32, 3), (1, 1, 1), (7, 5, 3)])
def test_sizes_formats_and_crops(shape, tmp_path):
    sizes = [(2, 1), (8, 6), (64, 64), (160, 120), (46, 301), (302, 20), (640, 8)]
    cases = [case(form, *size, seed=seed) for seed, size in enumerate(sizes) for form in FORMATS]
    crops = [(0, 0, 1, 1), (7, 3, 41, 30), (1, 0, 99, 70), (60, 40, 40, 30), (99, 69, 1, 1)]
    cases += [case(form, 100, 70, crop, 1) for crop in crops for form in FORMATS]
    cases += [case("grey", width, height) for width in range(1, 12) for height in (1, 3, 4)]
    check(tmp_path, shape, cases)


@pytest.mark.needs_tool("gcc", package="gcc")
@pytest.mark.parametrize("shape", [(64, 64, 1), (24, 32, 3), (7, 5, 3), (1, 1, 1)])
@pytest.mark.parametrize(
    "fitting",
    [
        Fitting("crop"),
        Fitting("pad"),
        Fitting("squash", "bilinear"),
        Fitting("crop", "bilinear", "BGR"),
        Fitting("pad", "bilinear", "BGR"),
    ],
    ids=str,
)
def test_fittings(fitting, shape, tmp_path):
    sizes = [(2, 1), (8, 6), (64, 64), (160, 120), (46, 301), (302, 20), (640, 8), (8, 640)]
    cases = [case(form, *size, seed=seed) for seed, size in enumerate(sizes) for form in ("rgb888", "yuyv")]
    cases += [case("rgb888", 100, 70, crop, 1) for crop in [(7, 3, 41, 30), (60, 40, 40, 30), (99, 69, 1, 1)]]
    cases += [case("grey", width, height) for width in range(1, 9) for height in (1, 3, 4, 7)]
    normalization = Normalization((124.0, 116.0, 104.0)[: shape[2]], (58.0, 57.0, 57.5)[: shape[2]])
    check(tmp_path, shape, cases, 0.0187, -14, normalization, fitting)


@pytest.mark.needs_tool("gcc", package="gcc")
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_fittings_of_frames_as_large_as_there_are(fit, tmp_path):
    cases = [case("grey", 16383, 1), case("grey", 1, 16383), case("grey", 3, 16383)]
    check(tmp_path, (3, 2, 1), cases, fitting=Fitting(fit, "bilinear"))


@pytest.mark.needs_tool("gcc", package="gcc")
@pytest.mark.parametrize("low_high", [(-1024, 3071), (1053, 1186), (0, 4095), (-40000, 70000), (-5, -4)])
def test_windows_of_16_bits(low_high, tmp_path):
    """All 65,536 values, and what is signed where the window begins below 0."""
    window = Window(*low_high)
    program = build(tmp_path, model((16, 256, 1), window=window))
    values = np.arange(65536, dtype=np.uint16)
    table = np.arange(-128, 128).astype(np.int8)
    for order, form in (("<", "grey16_le"), (">", "grey16_be")):
        data = values.astype(f"{order}u2").tobytes()
        made = b""
        for part in range(16):  # as large as the model's input, so that nothing is resized
            frame = data[part * 8192 : (part + 1) * 8192]
            head = struct.pack("7H", FORMATS.index(form), 256, 16, 0, 0, 0, 0)
            made += execute(program, head + frame)
        signed = values.astype(np.int16) if window.low < 0 else values
        assert made == table[to_bytes(signed, window)].tobytes()
        assert made == expected(
            (256, 256, 1), table[:, np.newaxis], data, form, 256, 256, (0, 0, 0, 0), window=window
        )


@pytest.mark.parametrize("window", [Window(0.5, 3.5), Window(-(1 << 30), 5)])
def test_a_window_that_is_none_of_16_bits_has_no_such_frames(window):
    header, source = preprocess_to_c(model((4, 4, 1), window=window), "cam")
    assert "GREY16" not in header
    assert "WINDOW_LOW" not in header
    assert "GREY16" in source  # behind #ifdef


@pytest.mark.needs_tool("gcc", package="gcc")
def test_real_photos(tmp_path):
    """As training reads a file, so the device sees the same picture in RGB888."""
    folder = Path(os.environ.get("EDGECNN_DATA", "/nonexistent")) / "isic2017-skin256"
    if not folder.is_dir():
        pytest.skip("needs the pack isic2017-skin256 in the folder EDGECNN_DATA")
    paths = sorted(folder.rglob("*.jpg"))[:20]
    assert paths
    for channels in (1, 3):
        frames, wanted = b"", b""
        for path in paths:
            image = decode(path)
            height, width, _ = image.shape
            frames += struct.pack("7H", FORMATS.index("rgb888"), width, height, 0, 0, 0, 0) + image.tobytes()
            wanted += (load_image(path, 48, 56, channels) ^ 0x80).tobytes()  # byte - 128
        assert execute(build(tmp_path, model((48, 56, channels))), frames) == wanted


@pytest.mark.needs_tool("gcc", package="gcc")
def test_frames_as_large_as_there_are(tmp_path):
    check(tmp_path, (3, 2, 1), [case("grey", 16383, 1), case("grey", 1, 16383), case("grey", 3, 16383)])


@pytest.mark.needs_tool("gcc", package="gcc")
@pytest.mark.parametrize(
    ("scale", "zero_point"), [(2 / 255, -1), (1 / 127, 0), (1 / 510, -128), (0.0039, -127)]
)
def test_any_quantization(scale, zero_point, tmp_path):
    ramp = bytes(range(256))
    wide = struct.pack("7H", 0, 16, 16, 0, 0, 0, 0) + ramp, (ramp, "grey", 16, 16, (0, 0, 0, 0))
    check(tmp_path, (16, 16, 1), [wide], scale, zero_point)


@pytest.mark.needs_tool("gcc", package="gcc")
@pytest.mark.parametrize("channels", [1, 3])
def test_a_mean_and_a_deviation_of_each_channel(channels, tmp_path):
    normalization = Normalization((124.0, 116.0, 104.0)[:channels], (58.0, 57.0, 57.5)[:channels])
    check(tmp_path, (9, 7, channels), [case("rgb888", 20, 16)], 0.0187, -14, normalization)


@pytest.mark.needs_tool("gcc", package="gcc")
def test_a_file_from_elsewhere_gets_what_the_range_of_its_scale_says(tmp_path):
    builder = Builder()
    source = builder.input((1, 16, 16, 1), 1 / 127.5, -1)  # -1 to 1, as TensorFlow's person detection has it
    content = builder.build((source,), (builder.fully_connected(source, 2),))
    ramp = bytes(range(256))
    rows = execute(build(tmp_path, content), struct.pack("7H", 0, 16, 16, 0, 0, 0, 0) + ramp)
    assert rows == np.arange(-128, 128).astype(np.int8).tobytes()


@pytest.mark.needs_tool("gcc", package="gcc")
def test_a_model_with_float_input_gets_what_its_quantize_makes_of_it(tmp_path):
    ramp = bytes(range(256))
    for scale, zero_point in ((1 / 255, -128), (0.0037, -120), (2 / 255, 3)):
        builder = Builder()
        source = builder.tensor((1, 16, 16, 1), "float32")
        made = builder.tensor((1, 16, 16, 1), "int8", scale, zero_point)
        content = builder.build((source,), (builder.operator("QUANTIZE", (source,), made),))
        low, high = (-1, 1) if scale == 2 / 255 else (0, 1)
        real = np.linspace(low, high, 256).astype(np.float32).reshape(1, 16, 16, 1)
        wanted = TfliteModel(content, kernels="reference").invoke(real).tobytes()
        assert execute(build(tmp_path, content), struct.pack("7H", 0, 16, 16, 0, 0, 0, 0) + ramp) == wanted


# Two rows of the model come of the first line, and none may be lost.
GROWING = r"""
#include "cam_preprocess.h"

int main(void)
{
    static EDGECNN_CAM_PREPROCESS_MEMORY(memory, 2, 2);
    static const uint8_t line[2] = {0, 255};
    const edgecnn_cam_frame_t frame = {EDGECNN_CAM_GREY, 2, 2, 0, 0, 0, 0};
    edgecnn_cam_preprocess_t pre;
    int8_t row[EDGECNN_CAM_PREPROCESS_ROW_SIZE];
    return edgecnn_cam_preprocess_init(&pre, &frame, &memory, sizeof memory) != 0 ||
           edgecnn_cam_preprocess_pull(&pre, row) != 0 || edgecnn_cam_preprocess_push(&pre, line) != 0 ||
           edgecnn_cam_preprocess_push(&pre, line) != -1 || edgecnn_cam_preprocess_pull(&pre, row) != 1 ||
           edgecnn_cam_preprocess_push(&pre, line) != -1 || edgecnn_cam_preprocess_pull(&pre, row) != 1 ||
           edgecnn_cam_preprocess_pull(&pre, row) != 0 || edgecnn_cam_preprocess_push(&pre, line) != 0;
}
"""


@pytest.mark.needs_tool("gcc", package="gcc")
def test_a_line_is_refused_while_rows_wait(tmp_path):
    execute(build(tmp_path, model((6, 6, 1)), main=GROWING))


@pytest.mark.needs_tool("gcc", package="gcc")
@pytest.mark.needs_tool("g++", package="g++")
@pytest.mark.needs_tool("clang", package="clang")
def test_compilers_have_nothing_to_say(tmp_path):
    answers = set()
    data, _ = case("yuyv", 52, 41)
    for channels in (1, 3):
        for compiler in (
            HostCompiler("gcc"),
            HostCompiler("gcc", "c17"),
            HostCompiler("clang", flags=("-O3",)),
        ):
            answers.add(execute(build(tmp_path, model((9, 8, channels)), compiler), data))
        assert len(answers) == channels // 2 + 1
        (tmp_path / "main.cpp").write_text('#include "cam_preprocess.h"\nint main() { return 0; }\n')
        for name in ("g++", "clang++"):
            HostCompiler(name, "c++11").compile([tmp_path / "main.cpp"], tmp_path / "cpp", [f"-I{tmp_path}"])


@pytest.mark.needs_tool("cppcheck", package="cppcheck")
def test_cppcheck_has_nothing_to_say(tmp_path):
    for channels in (1, 3):
        _, source = write_preprocess(tmp_path, model((9, 8, channels), 0.01), "cam")
        checks = "--enable=warning,style,performance,portability"
        command = ["cppcheck", "--quiet", "--error-exitcode=1", "--std=c99", checks, source]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.needs_tool("gcc", package="gcc")
def test_frames_that_do_not_fit_are_refused(tmp_path):
    program = build(tmp_path, model((4, 4, 1)))
    for wrong in (
        (7, 8, 8, 0, 0, 0, 0),
        (0, 0, 8, 0, 0, 0, 0),
        (0, 8, 16384, 0, 0, 0, 0),
        (0, 8, 8, 4, 0, 5, 1),
        (0, 8, 8, 0, 4, 1, 5),
        (0, 8, 8, 0, 0, 1, 0),
        (6, 7, 8, 0, 0, 0, 0),
    ):
        with pytest.raises(EdgecnnError, match="exit code 1"):
            execute(program, struct.pack("7H", *wrong))


def test_the_text_does_not_vary_and_names_hold():
    header, source = preprocess_to_c(model((8, 8, 1)), "RENAME")
    assert (header, source) == preprocess_to_c(model((8, 8, 1)), "RENAME")
    assert "EDGECNN_RENAME_PREPROCESS_WIDTH 8" in header
    assert '#include "RENAME_preprocess.h"' in source
    assert "@" not in header + source
    assert "RERENAME" not in header + source


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (two_ends(), "the model has 2 inputs; preprocessing makes one image"),
        (float_edges(), r"is \[1, 6, 5, 2\]; an image is \[1, height, width, 1 or 3\]"),
        (b"no model", "flatbuffer|tflite"),
    ],
)
def test_what_takes_no_image_is_refused(content, reason):
    with pytest.raises(ModelError, match=reason):
        preprocess_to_c(content, "cam")
