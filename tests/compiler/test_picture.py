# SPDX-License-Identifier: Apache-2.0
"""What a byte of a picture is to a model: by its metadata, else by the range of its input's scale."""

import numpy as np
import pytest
from tflite_builder import Builder

from edgecnn.compiler.ir import Normalization
from edgecnn.compiler.picture import UNIT, as_values, normalization_of, of_range, require_normalization
from edgecnn.compiler.quant import byte_table
from edgecnn.compiler.reading.tflite import parse
from edgecnn.converters.tflite_metadata import add_metadata
from edgecnn.errors import ModelError

BYTES = np.arange(256)


def model(scale, zero_point, dtype="int8"):
    builder = Builder()
    image = builder.tensor((1, 4, 4, 3), dtype, scale, zero_point)
    return builder.build((image,), (builder.reshape(image, (1, 48)),))


def values(content, dtype="int8"):
    graph = parse(content)
    held = graph.tensors[graph.inputs[0]].quantization
    return byte_table(require_normalization(graph), held.scale, held.zero_point, dtype)[:, 0]


@pytest.mark.parametrize(
    ("scale", "zero_point"),
    [
        (1 / 255, -128),  # 0 to 1
        (0.00392076, -128),
        (1 / 127.5, -1),  # -1 to 1, as TFLM's person detection
        (1 / 128, 0),
        (1.0, -128),  # 0 to 255, as MLPerf Tiny's ResNet
        (1.0, 0),  # -128 to 127
    ],
)
def test_a_range_that_pictures_are_known_by_takes_a_byte_as_it_is(scale, zero_point):
    assert (values(model(scale, zero_point)) == BYTES - 128).all()
    assert (values(model(scale, zero_point + 128, "uint8"), "uint8") == BYTES).all()


def test_a_range_that_misses_a_known_one_by_a_little_means_it():
    """The brightest picture of those that the scale was taken from had no white."""
    expected = np.minimum(np.floor(BYTES / 255 / np.float64(np.float32(0.0037)) + 0.5) - 128, 127)
    assert (values(model(0.0037, -128)) == expected).all()
    assert normalization_of(parse(model(0.0075, -3))) == of_range(-1, 1)


@pytest.mark.parametrize(("scale", "zero_point"), [(0.0186, -14), (0.5847, 83), (0.002, -128), (5.04, -5)])
def test_no_known_range_is_refused_with_what_to_do(scale, zero_point):
    graph = parse(model(scale, zero_point))
    assert normalization_of(graph) is None
    with pytest.raises(ModelError, match=r"holds \S+ to \S+, which is no range .* --input-range LOW:HIGH"):
        require_normalization(graph)


def test_metadata_go_before_the_range():
    content = add_metadata(model(1 / 127.5, -1), "", "")
    assert normalization_of(parse(content)) == UNIT
    assert values(content)[[0, 128, 255]].tolist() == [-1, 63, 126]


def test_each_channel_has_a_mean_and_a_deviation():
    normalization = Normalization((10.0, 20.0, 30.0), (1.0, 2.0, 4.0))
    content = add_metadata(model(1.0, 0), "", "", normalization=normalization)
    assert normalization_of(parse(content)) == normalization
    table = byte_table(normalization, 1.0, 0, "int8")
    assert as_values(np.full((2, 1, 1, 3), 50, np.uint8), table).tolist() == [[[[40, 15, 5]]]] * 2


def test_a_model_of_floats_or_of_16_bits_takes_0_to_1():
    assert (byte_table(UNIT)[:, 0] == np.float32(BYTES / 255)).all()
    assert normalization_of(parse(model(1 / 32768, 0, "int16"))) == UNIT


def test_the_quantization_behind_a_float_input_tells_its_range():
    builder = Builder()
    real = builder.tensor((1, 4, 4, 3), "float32")
    image = builder.operator("QUANTIZE", (real,), builder.tensor((1, 4, 4, 3), "int8", 1 / 127.5, -1))
    graph = parse(builder.build((real,), (builder.reshape(image, (1, 48)),)))
    assert byte_table(require_normalization(graph))[[0, 255], 0] == pytest.approx([-1, 1], abs=1 / 127)
