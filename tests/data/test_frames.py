# SPDX-License-Identifier: Apache-2.0
"""Frames of a camera: colors by hand, and Pillow as a second opinion about YUV."""

import numpy as np
import pytest
from PIL import Image

from edgecnn.data.frames import decode_frame
from edgecnn.errors import DataError


@pytest.mark.parametrize(
    ("word", "color"),
    [
        (0xF800, (255, 0, 0)),
        (0x07E0, (0, 255, 0)),
        (0x001F, (0, 0, 255)),
        (0x8410, (132, 130, 132)),  # 10000, 100000, 10000, each with its highest bits once more
        (0x0821, (8, 4, 8)),
    ],
)
def test_rgb565_in_both_byte_orders(word, color):
    for form, order in (("rgb565_le", "little"), ("rgb565_be", "big")):
        assert tuple(decode_frame(word.to_bytes(2, order), form, 1, 1, 3)[0, 0]) == color


def test_yuyv_shares_its_color_between_two_pixels():
    frame = bytes([100, 128, 200, 128])  # no color
    assert decode_frame(frame, "yuyv", 1, 2, 3).tolist() == [[[100] * 3, [200] * 3]]
    frame = bytes([76, 85, 76, 255])  # red, as a JPEG stores it
    assert decode_frame(frame, "yuyv", 1, 2, 3).tolist() == [[[254, 0, 0], [254, 0, 0]]]
    assert decode_frame(frame, "yuyv", 1, 2, 1).tolist() == [[[76], [76]]]


def test_yuyv_agrees_with_pillow():
    yuv = np.random.default_rng(0).integers(0, 256, (50, 64, 3), np.uint8)
    yuv[:, 1::2, 1:] = yuv[:, ::2, 1:]
    frame = np.empty((50, 64, 2), np.uint8)
    frame[..., 0], frame[:, ::2, 1], frame[:, 1::2, 1] = yuv[..., 0], yuv[:, ::2, 1], yuv[:, ::2, 2]
    theirs = np.asarray(Image.fromarray(yuv, "YCbCr").convert("RGB")).astype(int)
    assert np.abs(decode_frame(frame.tobytes(), "yuyv", 50, 64, 3) - theirs).max() <= 1


def test_grey_and_rgb_become_each_other():
    assert decode_frame(b"\x07\xc8", "grey", 1, 2, 3).tolist() == [[[7] * 3, [200] * 3]]
    assert decode_frame(b"\x07\xc8", "grey", 2, 1, 1).tolist() == [[[7]], [[200]]]
    assert decode_frame(b"\xff\x00\x00", "rgb888", 1, 1, 1).tolist() == [[[77]]]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            (b"1234", "bgr", 2, 2, 1),
            'there is no frame format "bgr"; choose one of grey, grey16_le, grey16_be, rgb888',
        ),
        ((b"1234", "grey", 2, 3, 1), "the frame has 4 bytes; 3x2 pixels in grey are 6 bytes"),
        ((b"123456", "yuyv", 1, 3, 1), "a yuyv frame can't be 3 pixels wide"),
    ],
)
def test_what_is_no_frame_is_refused(arguments, reason):
    with pytest.raises(DataError, match=reason):
        decode_frame(*arguments)
