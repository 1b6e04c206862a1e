# SPDX-License-Identifier: Apache-2.0
"""The window: exact in integers, the same for every kind of file, and refused where it says nothing."""

import numpy as np
import pytest
from deep_pictures import WRITERS
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.compiler.ir import Window
from edgecnn.compiler.reading.metadata import parse_window
from edgecnn.data.images import decode, image_size, load_image
from edgecnn.data.resize import resize
from edgecnn.data.window import FULL, parse_choice, to_bytes
from edgecnn.errors import DataError

SIXTEEN = np.arange(65536, dtype=np.uint16)


@given(
    st.integers(-70_000, 70_000),
    st.integers(1, 140_000),
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1),
)
def test_integers_are_divided_exactly(low, span, values):
    made = to_bytes(np.array(values, np.int32), Window(low, low + span))
    expected = [(min(max(value, low), low + span) - low) * 256 // (span + 1) for value in values]
    assert made.dtype == np.uint8
    assert made.tolist() == expected


def test_windows_of_powers_of_two_are_shifts():
    assert (to_bytes(SIXTEEN, FULL) == SIXTEEN >> 8).all()
    assert (to_bytes(SIXTEEN[:4096], Window(0, 4095)) == SIXTEEN[:4096] >> 4).all()
    assert (to_bytes(SIXTEEN[:256], Window(0, 255)) == SIXTEEN[:256]).all()


def test_all_of_256_values_are_used_and_what_lies_beyond_is_black_or_white():
    made = to_bytes(SIXTEEN, Window(1053, 1553))
    assert np.unique(made).tolist() == list(range(256))
    assert (np.diff(made.astype(int)) >= 0).all()
    assert made[1053] == made[0] == 0
    assert made[1553] == made[65535] == 255
    assert made[1551] < 255


def test_floats_are_rounded_down_and_what_is_no_number_is_black():
    values = np.array([-np.inf, -1, 0, 0.25, 0.5, 0.999, 1, 7, np.inf, np.nan], np.float32)
    assert to_bytes(values, Window(0, 1)).tolist() == [0, 0, 0, 64, 128, 255, 255, 255, 255, 0]
    assert to_bytes(np.array([0, 1, 2]), Window(0.5, 1.5)).tolist() == [0, 128, 255]


@pytest.mark.parametrize("text", ["0:4095", "-1024:3071", "0.1:0.30000000000000004", "-1e-300:12345678.5"])
def test_a_window_is_read_as_it_is_written(text):
    window = parse_window(text)
    assert parse_window(str(window)) == window
    assert parse_choice(f" {text}") == str(window)
    assert all(isinstance(bound, int) == float(bound).is_integer() for bound in window)


@pytest.mark.parametrize(
    "text", ["", "5", "5:", "5:5", "9:1", "a:b", "1:2:3", "nan:1", "0:inf", "0:1e300", "0-4095", "Auto"]
)
def test_what_is_no_window_is_refused(text):
    with pytest.raises(DataError, match="is not LOW:HIGH; give two numbers, the lower one first"):
        parse_choice(text)


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("bits", [10, 12, 14, 15])
def test_the_same_values_are_the_same_bytes_from_every_kind_of_file(tmp_path, kind, bits):
    values = np.random.default_rng(bits).integers(0, 1 << bits, (13, 17)) % (128 if kind == "int8" else 65536)
    path = WRITERS[kind](tmp_path / "picture.tif", values)
    window = Window(5, (1 << bits) - 9)
    expected = to_bytes(values.astype(np.float32) if kind == "float32" else values, window)
    if kind == "white is zero":
        expected = 255 - expected
    assert (decode(path, window=window)[..., 0] == expected).all()
    assert (decode(path, path.read_bytes(), window)[..., 0] == expected).all()
    assert image_size(path) == (17, 13)
    assert (load_image(path, 5, 6, 3, window=window) == resize(expected[..., None], 5, 6)).all()


@pytest.mark.parametrize("kind", ["int16 little-endian", "int16 big-endian", "float32"])
def test_values_below_0_count(tmp_path, kind):
    values = np.array([[-1024, -1, 0, 3071]])
    path = WRITERS[kind](tmp_path / "picture.tif", values)
    assert decode(path, window=Window(-1024, 3071))[0, :, 0].tolist() == [0, 63, 64, 255]
    with pytest.raises(DataError, match=r"its values are -1,024(\.0)? to 3,071(\.0)?; which of them"):
        decode(path)


def test_pictures_of_8_bits_have_no_window(tmp_path, draw_picture):
    path = draw_picture(tmp_path / "colour.png", 0)
    assert (decode(path, window=Window(0, 4095)) == decode(path)).all()
